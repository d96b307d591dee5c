import type { App } from '../app.ts'
import { inTransaction } from '../database/transaction.ts'
import { largestBatch, placeNext, unplaced } from '../domain/revocations/place.ts'
import { listRevocationsAfter, type RevocationRow, readFeedHead } from '../domain/revocations/store.ts'

/** A page must be able to hold more than one batch, of which it then leaves the last one to the next page. */
const largestPage = largestBatch * 5

/**
 * The revocations behind a place that still matter, in order, never part of a batch: who goes on from the last one's
 * place misses none. What has no place yet comes last.
 */
export async function readPage(app: App, position: number, limit = largestPage): Promise<Page> {
  const { rows } = await listRevocationsAfter(app.database.db, { position, now: app.clock.now(), limit })
  const last = rows.at(-1)
  if (rows.length < limit || last === undefined) return { rows, isLast: true }
  if (last.position === unplaced) return { rows, isLast: false }
  return { rows: rows.filter((row) => row.position < last.position), isLast: false }
}

export type Page = { rows: RevocationRow[]; isLast: boolean }

/**
 * Brings this node's live set and feed up to what the database holds now, and gives a place to what has none. A row
 * takes effect with the first reading that meets it; only those who follow the feed need its place.
 */
export async function readFeed(app: App): Promise<void> {
  const began = performance.now()
  // A database that went back, to a backup or to a replica that lagged, knows fewer places than we do.
  if ((await readFeedHead(app.database.db)) < app.feed.head()) app.feed.restart()
  for (let contests = 0; contests < mostContests; ) {
    const { rows, isLast } = await readPage(app, app.feed.head())
    takeEffect(app, rows)
    app.feed.append(rows)
    if (isLast) app.feed.confirm(began)
    if (rows.at(-1)?.position !== unplaced) {
      if (isLast) return
    } else if (!(await placeAll(app)) && isLast) contests++
  }
}

/** Reads again what should be in the live set, should a clock that was set forward have swept it away. */
export async function reloadLiveSet(app: App): Promise<void> {
  for (let position = 0; ; ) {
    const { rows, isLast } = await readPage(app, position)
    app.revocations.add(rows)
    if (isLast || rows.at(-1)!.position === unplaced) return
    position = rows.at(-1)!.position
  }
}

/**
 * Another node that gives places wins; it is asked so many times whether it is done before the next reading. Only where
 * all has been read: the rest of what is revoked is not left for later.
 */
const mostContests = 3

function takeEffect(app: App, rows: RevocationRow[]): void {
  const news = app.revocations.add(rows)
  // Until this node knows which key signs instead, it would mint tokens that are dead already.
  if (news.some(({ kind }) => kind === 'key')) app.later(() => app.keys.again())
  // At the first reading everything is news, and says nothing about how long it took.
  if (app.feed.age() === Number.POSITIVE_INFINITY) return
  const now = app.clock.now()
  for (const row of news) app.feed.observe(now - row.revoked_at, 'elsewhere')
}

/** @returns whether any was given one; if not, another node was at it */
async function placeAll(app: App): Promise<boolean> {
  for (let total = 0; ; ) {
    const placed = await inTransaction(app.database, (tx) => placeNext(tx, app.clock.now())).catch((error) => {
      if (app.database.dialect.isDuplicate(error)) return 0
      throw error
    })
    total += placed
    if (placed < largestBatch) return total > 0
  }
}
