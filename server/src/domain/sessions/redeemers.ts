import { createHash } from 'node:crypto'

/**
 * Who used which generation: eight slots of eight bytes, newest first. Slot i tells who used generation n − 1 − i of a
 * row that stands at generation n. All zero: used without a key. All one: unknown (skipped by a forward move).
 */
export const slots = 8
const slotBytes = 8
const noKey = Buffer.alloc(slotBytes, 0)
const unknown = Buffer.alloc(slotBytes, 0xff)

export const noRedeemers: Buffer = Buffer.alloc(slots * slotBytes, 0xff)

/** The trace a `Refresh-Key` leaves on the row: eight bytes of its SHA-256; "no key" equals "no key". */
export function traceOfKey(key: string | null): Buffer {
  if (key === null) return noKey
  return createHash('sha256').update(key).digest().subarray(0, slotBytes)
}

/** Puts the newest redeemer in front; `skipped` generations, whose users nobody knows, come behind it. */
export function pushRedeemer(redeemers: Buffer, trace: Buffer, skipped: number): Buffer {
  const gap = Array.from({ length: Math.min(skipped, slots) }, () => unknown)
  return Buffer.concat([trace, ...gap, redeemers]).subarray(0, slots * slotBytes)
}

/** Was generation n − 1 − `slot` used by this key? `unknown` counts only where the caller asks for it. */
export function wasRedeemedBy(redeemers: Buffer, slot: number, trace: Buffer, orUnknown: boolean): boolean {
  if (slot < 0 || slot >= slots) return false
  const held = redeemers.subarray(slot * slotBytes, (slot + 1) * slotBytes)
  return held.equals(trace) || (orUnknown && held.equals(unknown))
}
