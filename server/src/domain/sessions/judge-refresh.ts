import type { EndReason } from '../../errors.ts'
import { wasRedeemedBy } from './redeemers.ts'

/** How long after a rotation an old message of its own client may still arrive. */
export const lateMessageWindow = 10 * 60 * 1000

export type RefreshVerdict =
  | { kind: 'rotate' | 'forward' | 'repeat' | 'superseded' | 'reuse' }
  | { kind: 'ended'; reason: EndReason }

type JudgedRow = {
  generation: number
  rotated_at: number
  redeemers: Buffer
  idle_expires_at: number
  absolute_expires_at: number
  ended_at: number | null
  end_reason: string | null
}

/**
 * The table of the refresh protocol (`docs/refresh-protocol.md`): what a presented token means, given its session's row.
 * @param row the session as it stands
 * @param generation the presented token's generation
 * @param trace `traceOfKey` of the `Refresh-Key` that came with it
 * @param hasKey whether a key came at all
 * @param now milliseconds since 1970
 */
export function judgeRefresh(
  row: JudgedRow,
  generation: number,
  trace: Buffer,
  hasKey: boolean,
  now: number,
): RefreshVerdict {
  if (row.ended_at !== null) return { kind: 'ended', reason: (row.end_reason ?? 'admin') as EndReason }
  if (now >= row.absolute_expires_at) return { kind: 'ended', reason: 'expired' }
  // A token ahead of its row proves that the session was used after the row was written: the row's idle time is stale.
  if (generation > row.generation) return { kind: 'forward' }
  if (now >= row.idle_expires_at) return { kind: 'ended', reason: 'idle' }
  if (generation === row.generation) return { kind: 'rotate' }

  const slot = row.generation - 1 - generation
  if (slot === 0) return { kind: wasRedeemedBy(row.redeemers, 0, trace, false) ? 'repeat' : 'reuse' }
  const late = hasKey && now - row.rotated_at <= lateMessageWindow && wasRedeemedBy(row.redeemers, slot, trace, true)
  return { kind: late ? 'superseded' : 'reuse' }
}
