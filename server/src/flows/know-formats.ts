import type { App } from '../app.ts'
import { spansOf } from '../domain/passwords/spans.ts'
import { insertHashFormat, listHashFormats, widenHashFormat } from '../domain/passwords/store.ts'

/**
 * Writes down what hashes cost that are about to be imported, before they are: every node then takes as long for all
 * refusals before the first of these users can be asked for. Doing it twice does nothing.
 */
export async function noteFormats(app: App, hashes: string[]): Promise<void> {
  const { db, dialect } = app.database
  const known = new Map((await listHashFormats(db)).map((row) => [row.kind, row]))
  for (const span of spansOf(hashes)) {
    const there = known.get(span.kind)
    if (there && there.least <= span.least && there.most >= span.most) continue
    if (!there) {
      try {
        await insertHashFormat(db, span)
        continue
      } catch (error) {
        if (!dialect.isDuplicate(error)) throw error
      }
    }
    await widenHashFormat(db, span)
  }
}

/** Learns from the database what imports on other nodes have brought. */
export async function readFormats(app: App): Promise<void> {
  for (const { kind, least, most } of await listHashFormats(app.database.db)) app.hasher.know(kind, [least, most])
}
