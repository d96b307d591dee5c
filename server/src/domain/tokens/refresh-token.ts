import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto'

/**
 * Refresh tokens: `nttr_` + base64url(version, key id, session id, generation, MAC). The MAC is HMAC-SHA-256 under a
 * secret that the database does not hold: a forged token costs no query, a stolen database yields no token, and no
 * token is ever stored.
 */
export type RefreshTokens = {
  mint(sessionId: string, generation: number): string
  /** @returns what the token says, or null when it is not one of ours */
  read(token: string): { sessionId: string; generation: number } | null
}

const prefix = 'nttr_'
const version = 1
const keyIdBytes = 4
const bodyBytes = 1 + keyIdBytes + 16 + 4
const tokenBytes = bodyBytes + 32
const tokenShape = /^nttr_[A-Za-z0-9_-]{76}$/
const highestGeneration = 0xffff_fffe

type MacKey = { id: Buffer; secret: KeyObject }

/** @param masterKeys 32 bytes each: the first one mints, all of them read */
export function refreshTokens(masterKeys: Buffer[]): RefreshTokens {
  const keys = masterKeys.map(deriveKey)
  const current = keys[0]
  if (!current) throw new Error('refreshTokens needs at least one master key')

  return {
    mint(sessionId, generation) {
      if (generation > highestGeneration) throw new RangeError('A session cannot be refreshed that often')
      const body = Buffer.alloc(bodyBytes)
      body[0] = version
      current.id.copy(body, 1)
      body.write(sessionId.replaceAll('-', ''), 1 + keyIdBytes, 'hex')
      body.writeUInt32BE(generation, 1 + keyIdBytes + 16)
      return prefix + Buffer.concat([body, mac(current, body)]).toString('base64url')
    },
    read(token) {
      if (!tokenShape.test(token)) return null
      const text = token.slice(prefix.length)
      const bytes = Buffer.from(text, 'base64url')
      // Canonical form only: trailing bits that decode alike would make two spellings of one token.
      if (bytes.length !== tokenBytes || bytes.toString('base64url') !== text) return null
      const body = bytes.subarray(0, bodyBytes)
      const key = keys.find((candidate) => candidate.id.equals(body.subarray(1, 1 + keyIdBytes)))
      if (body[0] !== version || !key || !timingSafeEqual(mac(key, body), bytes.subarray(bodyBytes))) return null
      const hex = body.toString('hex', 1 + keyIdBytes, 1 + keyIdBytes + 16)
      return {
        sessionId: `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`,
        generation: body.readUInt32BE(1 + keyIdBytes + 16),
      }
    },
  }
}

function deriveKey(masterKey: Buffer): MacKey {
  const derive = (purpose: string, length: number) =>
    Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), `ntt-auth refresh token ${purpose}`, length))
  // Bytes in place of a key object make Node throw and catch two errors inside each call.
  return { id: derive('key id', keyIdBytes), secret: createSecretKey(derive('mac', 32)) }
}

function mac(key: MacKey, body: Buffer): Buffer {
  return createHmac('sha256', key.secret).update(body).digest()
}
