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
  app.revocations.add(revocations)
  for (const end of ends) app.log.info({ event: 'session_ended', kind: end.kind, id: end.id, reason: end.reason })
}
