import { createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign, verify } from 'node:crypto'

/** What signs checkpoints, and what their signatures are checked by. */
export type CheckpointKeys = {
  /** That of the newest master key. */
  signer: { id: string; publicKey: string; sign(content: Buffer): Buffer }
  /** The public key of each master key, raw, by its id. */
  known: ReadonlyMap<string, string>
}

/** Ed25519 keys that the master keys lead to; the database holds none of them. @param masterKeys the newest first */
export function checkpointKeys(masterKeys: Buffer[]): CheckpointKeys {
  const pairs = masterKeys.map((masterKey) => {
    const privateKey = privateKeyOf(masterKey)
    const publicKey = createPublicKey(privateKey).export({ format: 'jwk' }).x!
    return { id: idOfKey(publicKey), publicKey, sign: (content: Buffer) => sign(null, content, privateKey) }
  })
  return { signer: pairs[0]!, known: new Map(pairs.map(({ id, publicKey }) => [id, publicKey])) }
}

/** @param publicKey raw, in base64url */
export function isSignedBy(publicKey: string, content: Buffer, signature: Buffer): boolean {
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' })
    return signature.length === 64 && verify(null, content, key, signature)
  } catch {
    return false
  }
}

export function idOfKey(publicKey: string): string {
  return createHash('sha256').update(Buffer.from(publicKey, 'base64url')).digest('base64url').slice(0, 16)
}

// RFC 8410 §7: a private Ed25519 key is its seed behind this header.
const header = Buffer.from('302e020100300506032b657004220420', 'hex')

function privateKeyOf(masterKey: Buffer): KeyObject {
  const seed = Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), 'ntt-auth audit checkpoint', 32))
  return createPrivateKey({ key: Buffer.concat([header, seed]), format: 'der', type: 'pkcs8' })
}
