import type { Lifetime } from './store.ts'

/** Why a session that nobody ended is over by the clock, or null. @param now milliseconds since 1970 */
export function lapseOf(row: Lifetime, now: number): 'idle' | 'expired' | null {
  if (now < row.idle_expires_at && now < row.absolute_expires_at) return null
  return row.absolute_expires_at <= row.idle_expires_at ? 'expired' : 'idle'
}
