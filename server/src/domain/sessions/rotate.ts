import type { Db, Tx } from '../../database/connect.ts'
import { pushRedeemer } from './redeemers.ts'
import { rotateSessionRow } from './store.ts'

type Rotatable = { id: string; generation: number; redeemers: Buffer; absolute_expires_at: number }

/** What a rotation will write: the presented generation is used up, the session goes on at the next one. */
export function nextRotation(
  row: Rotatable,
  presented: number,
  trace: Buffer,
  idleLife: number,
  ip: string | null,
  now: number,
) {
  return {
    id: row.id,
    from: row.generation,
    to: presented + 1,
    // Ahead of the row (after a restore): nobody knows who used the generations in between.
    redeemers: pushRedeemer(row.redeemers, trace, presented - row.generation),
    now,
    idleExpiresAt: Math.min(now + idleLife, row.absolute_expires_at),
    ip,
  }
}

export type Rotation = ReturnType<typeof nextRotation>

/** @returns false when somebody was faster, or the session has ended meanwhile */
export async function rotateSession(db: Db | Tx, rotation: Rotation): Promise<boolean> {
  const result = await rotateSessionRow(db, rotation)
  return result.numAffectedRows > 0
}
