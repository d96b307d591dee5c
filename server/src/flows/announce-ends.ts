import type { App } from '../app.ts'
import type { End } from '../domain/journal/journal.ts'
import type { RevocationRow } from '../domain/revocations/store.ts'

export type Ended = { ends: End[]; revocations: RevocationRow[] }

export const nothingEnded: Ended = { ends: [], revocations: [] }

/**
 * After the commit that ended sessions and before the answer: the journal keeps it through a restore, and this node
 * refuses their access tokens from now on.
 */
export function announceEnds(app: App, { ends, revocations }: Ended): void {
  app.journal.append(ends)
  announceRevocations(app, revocations)
  for (const { reason } of ends) app.meter.count('ntt_auth_sessions_ended_total', { reason })
  for (const end of ends) app.log.info({ event: 'session_ended', kind: end.kind, id: end.id, reason: end.reason })
}

/** After the commit: this node refuses at once what was revoked, the others hear of it by the feed. */
export function announceRevocations(app: App, revocations: RevocationRow[]): void {
  if (revocations.length === 0) return
  app.revocations.add(revocations)
  const now = app.clock.now()
  for (const row of revocations) app.feed.observe(now - row.revoked_at, 'here')
  app.feed.wake()
}
