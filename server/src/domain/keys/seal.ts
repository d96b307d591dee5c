import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { randomBytes } from '../../random.ts'

/**
 * Private keys at rest: AES-256-GCM under a key derived from the master key, which the database does not hold.
 * Layout: version (1), master key id (4), nonce (12), tag (16), ciphertext. The key's id is authenticated along, so that
 * two rows cannot be swapped.
 */
const version = 1
const tagged = { authTagLength: 16 }

/** @param masterKeys the first one seals */
export function seal(masterKeys: Buffer[], kid: string, secret: Buffer): Buffer {
  const { id, key } = derive(masterKeys[0]!)
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, tagged)
  cipher.setAAD(Buffer.from(kid))
  const sealed = Buffer.concat([cipher.update(secret), cipher.final()])
  return Buffer.concat([Buffer.from([version]), id, nonce, cipher.getAuthTag(), sealed])
}

/**
 * @param masterKeys any of them may have sealed
 * @returns the secret, or null when none of the master keys fits or the row was altered
 */
export function unseal(masterKeys: Buffer[], kid: string, sealed: Buffer): Buffer | null {
  const match = masterKeys.map(derive).find(({ id }) => id.equals(sealed.subarray(1, 5)))
  if (sealed[0] !== version || !match) return null
  try {
    const decipher = createDecipheriv('aes-256-gcm', match.key, sealed.subarray(5, 17), tagged)
    decipher.setAAD(Buffer.from(kid))
    decipher.setAuthTag(sealed.subarray(17, 33))
    return Buffer.concat([decipher.update(sealed.subarray(33)), decipher.final()])
  } catch {
    return null
  }
}

/** Whether the first master key sealed it: what an older one sealed is to be sealed anew. */
export function isSealedByFirst(masterKeys: Buffer[], sealed: Buffer): boolean {
  return sealed[0] === version && derive(masterKeys[0]!).id.equals(sealed.subarray(1, 5))
}

function derive(masterKey: Buffer): { id: Buffer; key: Buffer } {
  const derived = (purpose: string, length: number) =>
    Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), `ntt-auth sealing ${purpose}`, length))
  return { id: derived('key id', 4), key: derived('key', 32) }
}
