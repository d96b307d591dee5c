import { randomFillSync } from 'node:crypto'

// Random bytes are drawn in blocks: one system call serves many ids.
const pool = Buffer.alloc(4096)
let used = pool.length

/**
 * Random bytes from the operating system's generator.
 * @param length 1 to 4096 bytes
 */
export function randomBytes(length: number): Buffer {
  if (used + length > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const bytes = Buffer.from(pool.subarray(used, used + length))
  pool.fill(0, used, used + length)
  used += length
  return bytes
}

/** A random string of URL-safe characters carrying `length` random bytes. */
export function randomToken(length: number): string {
  return randomBytes(length).toString('base64url')
}

/**
 * A time-ordered 128-bit id: UUID version 7 (RFC 9562 §5.7), lower case.
 * @param now milliseconds since 1970
 */
export function newId(now: number): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(now, 0, 6)
  bytes[6] = 0x70 | (bytes[6]! & 0x0f)
  bytes[8] = 0x80 | (bytes[8]! & 0x3f)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Below every id made at this time or later, and above every one made before. */
export function idAt(milliseconds: number): string {
  const hex = Math.max(0, milliseconds).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`
}

/** When an id was made: milliseconds since 1970. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}

const idShape = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

export function isId(text: string): boolean {
  return idShape.test(text)
}
