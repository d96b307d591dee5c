import type { Asker } from '../domain/passwords/hasher.ts'
import { networksOf } from '../domain/throttling/network-of.ts'
import type { Act } from './acting.ts'

/**
 * Whose turn it is when passwords are hashed: a device that the account knows, or that is signed in, has one of its own,
 * and everybody else shares that of its network. Of IPv6 that is the /48: whoever has one has 65 536 of the /64.
 * @param session one that the caller has shown to be its own
 */
export function askerOf(act: Act, session: string | null, signal: AbortSignal | undefined): Asker {
  const source = session === null ? `network ${act.ip === null ? '' : networksOf(act.ip).at(-1)}` : `session ${session}`
  return { source, signal }
}
