import type { App } from '../app.ts'
import { largestBatch, unplaced } from '../domain/revocations/place.ts'
import { type RevocationRow, readFeedHead } from '../domain/revocations/store.ts'
import { refuseWhenBlind } from './know-revocations.ts'
import { readPage } from './read-feed.ts'
import { revokedSpan } from './revoked-span.ts'

export type FeedPage = {
  items: RevocationRow[]
  /** Where the next question goes on. */
  position: number
  /** There is more at this very moment. */
  more: boolean
}

/**
 * What was revoked behind a place and still matters; from the start everything that does. From memory where this node
 * has it at hand, so that a question without news costs nothing.
 */
export async function readRevocations(app: App, since: number): Promise<FeedPage> {
  refuseWhenBlind(app)
  const from = await knownPlace(app, since)
  const now = app.clock.now()
  const known = app.feed.behind(from)
  if (known && from > 0 && known.length <= mostKnown && from <= app.feed.head()) {
    return { items: known.filter((row) => row.until_at > now), position: app.feed.head(), more: false }
  }
  const { rows, isLast } = await readPage(app, from)
  const items = rows.filter((row) => row.position !== unplaced)
  return { items, position: items.at(-1)?.position ?? from, more: !isLast }
}

const mostKnown = 1000

/**
 * The place itself, or 0 where it was never given: then the database went back, and what it has given since may be news
 * to the client. That a place is news to this node alone says nothing: another node may be a poll ahead.
 */
export async function knownPlace(app: App, place: number): Promise<number> {
  if (place <= app.feed.head()) return place
  return place <= (await readFeedHead(app.database.db)) ? place : 0
}

/** The next rows behind a place, whole batches, in order; none when there is nothing new. */
export async function readNews(app: App, place: number, limit: number): Promise<RevocationRow[]> {
  const known = app.feed.behind(place, limit)
  if (known) return known
  const { rows } = await readPage(app, place, Math.max(limit, largestBatch + 1))
  return rows.filter((row) => row.position !== unplaced)
}

/** Has what came behind this place partly lapsed, so that nobody can tell what the client has missed? */
export function isOldPlace(app: App, place: number): boolean {
  const now = app.clock.now()
  const { until } = revokedSpan(now)
  return place < app.feed.head() && place < now - (until - now)
}
