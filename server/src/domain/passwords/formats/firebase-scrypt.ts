import { type Format, ownBytes, unpadded } from './format.ts'
import { scryptWork } from './scrypt.ts'

/**
 * `$firescrypt$ln=<mem_cost>,r=<rounds>,p=1$<salt>$<digest>$<salt separator>$<signer key>`: Firebase keeps the last two
 * and the costs once for a project; in this spelling, which Ory Kratos knows too, each hash carries all that it takes.
 */
const shape =
  /^\$firescrypt\$ln=([1-9]\d?),r=([1-9]\d{0,2}),p=1\$([A-Za-z0-9+/_-]{1,44}={0,2})\$([A-Za-z0-9+/_-]{43,88}={0,2})\$([A-Za-z0-9+/_-]{0,8}={0,2})\$([A-Za-z0-9+/_-]{43,88}={0,2})$/

export const firebaseScrypt: Format = {
  read(text, limits) {
    const [, ln, r, saltText, digest, separator, signerKey] = shape.exec(text) ?? []
    if (signerKey === undefined) return null
    const [cost, blockSize] = [2 ** Number(ln), Number(r)]
    const work = scryptWork(cost, blockSize, 1, limits)
    if (work === null || work === 'too_costly') return work
    const bytes = (part: string) => Buffer.from(part, 'base64')
    const [stored, encrypts] = [bytes(digest!), bytes(signerKey)]
    // The digest is the signer key, encrypted by what scrypt makes of the password (AES-256 in counter mode).
    if (stored.length !== encrypts.length) return null
    const salt = Buffer.concat([bytes(saltText!), bytes(separator!)])
    return {
      work,
      reads: Number.POSITIVE_INFINITY,
      isAsWanted: () => false,
      call: (password) => ({
        kind: 'scrypt',
        password: ownBytes(password),
        salt,
        cost,
        blockSize,
        parallelism: 1,
        length: 32,
        encrypts,
      }),
      digest: unpadded(stored),
    }
  },
}
