import { Buffer } from 'node:buffer'

const half = 32
export const rawLength: number = 2 * half

/**
 * A JWS carries an ECDSA signature as r‖s (RFC 7518 §3.4), OpenSSL reads it as DER (RFC 3279 §2.2.3). Node can convert
 * too, but takes a third of a verification for it.
 * @param raw r‖s, 64 bytes @returns the same as DER; what is out of range stays so, for OpenSSL to refuse
 */
export function derOf(raw: Buffer): Buffer {
  const r = integerStart(raw, 0)
  const s = integerStart(raw, half)
  const [rLength, sLength] = [integerLength(raw, r, half), integerLength(raw, s, rawLength)]
  const der = Buffer.alloc(6 + rLength + sLength)
  der[0] = 0x30
  der[1] = 4 + rLength + sLength
  der[2] = 0x02
  der[3] = rLength
  raw.copy(der, 4 + rLength - (half - r), r, half)
  der[4 + rLength] = 0x02
  der[5 + rLength] = sLength
  raw.copy(der, 6 + rLength + sLength - (rawLength - s), s, rawLength)
  return der
}

/** Where the digits begin; DER has the shortest form. */
function integerStart(raw: Buffer, from: number): number {
  let start = from
  while (start < from + half - 1 && raw[start] === 0) start++
  return start
}

/** One byte more where the first bit would make the number negative. */
function integerLength(raw: Buffer, start: number, end: number): number {
  return end - start + (raw[start]! >> 7)
}
