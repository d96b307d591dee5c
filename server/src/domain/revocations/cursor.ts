import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto'

/**
 * A place in the feed as clients carry it: base64url(version, key id, place, MAC). Every node reads the cursors of every
 * other, and nobody can make one up: it stands for "this client has everything up to here".
 */
export type Cursors = {
  mint(position: number): string
  /** @returns the place, or null when it is not one of our cursors */
  read(text: string): number | null
}

const version = 1
const keyIdBytes = 4
const macBytes = 16
const bodyBytes = 1 + keyIdBytes + 8
// 29 bytes leave two bits of the last character unused: they are 0, or the same cursor could be spelt in four ways.
const shape = /^[A-Za-z0-9_-]{38}[AEIMQUYcgkosw048]$/

type MacKey = { id: Buffer; secret: KeyObject }

/** @param masterKeys 32 bytes each: the first one mints, all of them read */
export function feedCursors(masterKeys: Buffer[]): Cursors {
  const keys = masterKeys.map(deriveKey)
  const current = keys[0]
  if (!current) throw new Error('feedCursors needs at least one master key')

  return {
    mint(position) {
      const body = Buffer.alloc(bodyBytes)
      body[0] = version
      current.id.copy(body, 1)
      body.writeBigUInt64BE(BigInt(position), 1 + keyIdBytes)
      return Buffer.concat([body, mac(current, body)]).toString('base64url')
    },
    read(text) {
      if (!shape.test(text)) return null
      const bytes = Buffer.from(text, 'base64url')
      const body = bytes.subarray(0, bodyBytes)
      const key = keys.find(({ id }) => id.equals(body.subarray(1, 1 + keyIdBytes)))
      if (body[0] !== version || !key || !timingSafeEqual(mac(key, body), bytes.subarray(bodyBytes))) return null
      return Number(body.readBigUInt64BE(1 + keyIdBytes))
    },
  }
}

function deriveKey(masterKey: Buffer): MacKey {
  const derive = (purpose: string, length: number) =>
    Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), `ntt-auth feed cursor ${purpose}`, length))
  return { id: derive('key id', keyIdBytes), secret: createSecretKey(derive('mac', 32)) }
}

function mac(key: MacKey, body: Buffer): Buffer {
  return createHmac('sha256', key.secret).update(body).digest().subarray(0, macBytes)
}
