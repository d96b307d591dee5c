import type { App } from '../app.ts'
import type { End, SessionEnd } from '../domain/journal/journal.ts'
import type { RevocationRow } from '../domain/revocations/store.ts'
import { AppError } from '../errors.ts'
import { revokedSpan } from './revoked-span.ts'

export type Ended = {
  ends: SessionEnd[]
  revocations: RevocationRow[]
  /** What had ended before and was asked for again. */
  confirmed: SessionEnd[]
}

export const nothingEnded: Ended = { ends: [], revocations: [], confirmed: [] }

/**
 * After the commit that ended sessions and before the answer: the journal keeps it through a restore, and this node
 * refuses their access tokens from now on.
 */
export function announceEnds(app: App, { ends, revocations, confirmed }: Ended): void {
  // First what cannot fail: an end that is not kept is no reason to let its tokens pass.
  announceRevocations(app, revocations)
  for (const { reason } of ends) app.meter.count('ntt_auth_sessions_ended_total', { reason })
  confirmEnds(app, confirmed)
  keepEnds(app, ends)
  for (const end of ends) app.log.info({ event: 'session_ended', kind: end.kind, id: end.id, reason: end.reason })
}

/**
 * Somebody repeats an act whose answer may have been lost, as when a node died after its commit and before its journal.
 * Who answers the retry answers for the ends: it refuses the access tokens at once, and keeps the ends through a restore.
 */
export function confirmEnds(app: App, ends: End[]): void {
  const now = app.clock.now()
  for (const { kind, id, at } of ends) {
    const { before, until } = revokedSpan(at)
    // Of a user each session has a row of its own; its newer tokens may be of the same second.
    if (kind === 'session' && until > now)
      app.revocations.add([{ kind, subject: id, before_at: before, until_at: until }])
  }
  keepEnds(
    app,
    ends.filter((end) => !app.journal.knows(end)),
  )
}

/** @throws AppError `unavailable`: what a restore would undo must not be answered as done */
export function keepEnds(app: App, ends: End[]): void {
  try {
    app.journal.append(ends)
  } catch (cause) {
    app.log.error({ err: cause, event: 'journal_unwritable' })
    throw new AppError('unavailable', { retryAfter: 1, cause })
  }
}

/** After the commit: this node refuses at once what was revoked, the others hear of it by the feed. */
export function announceRevocations(app: App, revocations: RevocationRow[]): void {
  if (revocations.length === 0) return
  app.revocations.add(revocations)
  const now = app.clock.now()
  for (const row of revocations) app.feed.observe(now - row.revoked_at, 'here')
  app.feed.wake()
}
