import type { Tx } from '../../database/connect.ts'
import { newId } from '../../random.ts'
import { noRedeemers } from './redeemers.ts'
import { insertSession, type SessionRow } from './store.ts'

/** Where a request comes from, as the device list shows it. */
export type Device = { ip: string | null; userAgent: string | null; name: string | null }

/** How long a session lasts, in milliseconds: unused, and altogether. */
export type SessionLife = { idle: number; absolute: number }

/** A session begins, at generation 0. @param now milliseconds since 1970 */
export async function startSession(
  tx: Tx,
  userId: string,
  device: Device,
  life: SessionLife,
  now: number,
): Promise<SessionRow> {
  const row: SessionRow = {
    id: newId(now),
    user_id: userId,
    generation: 0,
    rotated_at: now,
    redeemers: noRedeemers,
    idle_expires_at: now + life.idle,
    absolute_expires_at: now + life.absolute,
    ended_at: null,
    end_reason: null,
    created_at: now,
    last_used_at: now,
    last_ip: device.ip,
    user_agent: device.userAgent,
    device_name: device.name,
  }
  await insertSession(tx, row)
  return row
}
