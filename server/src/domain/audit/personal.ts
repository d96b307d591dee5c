import { createCipheriv, createDecipheriv } from 'node:crypto'
import { randomBytes } from '../../random.ts'

/**
 * What a line says about a person is sealed by a secret of that person alone, and the chain covers the sealed form.
 * Erasing is deleting the secret: nobody can read the data any more, and no line has changed.
 * Layout: nonce (12), tag (16), ciphertext; AES-256-GCM.
 */
export function sealPersonal(secret: Buffer, values: Record<string, string>): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', secret, nonce, tagged)
  const sealed = Buffer.concat([cipher.update(JSON.stringify(values)), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed])
}

/** @returns null when the secret is gone or does not fit */
export function openPersonal(secret: Buffer | null | undefined, sealed: Buffer): Record<string, string> | null {
  if (!secret) return null
  try {
    const decipher = createDecipheriv('aes-256-gcm', secret, sealed.subarray(0, 12), tagged)
    decipher.setAuthTag(sealed.subarray(12, 28))
    const text = Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString()
    return JSON.parse(text)
  } catch {
    return null
  }
}

export function newSecret(): Buffer {
  return randomBytes(32)
}

const tagged = { authTagLength: 16 }
