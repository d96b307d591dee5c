import { type Format, ownBytes } from './format.ts'

/** The PHC string form: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<digest>`, base64 without padding. */
const shape =
  /^\$argon2(id?)(?:\$v=(16|19))?\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,7})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,86})$/

/** OWASP's first choice: 19 MiB, two passes, one lane. */
const prefix = '$argon2id$v=19$m=19456,t=2,p=1$'
export const saltLength = 16
export const digestLength = 32

export const argon2: Format = {
  read(text, limits) {
    const match = shape.exec(text)
    if (match === null) return null
    const [, variant, version, m, t, p, saltText, digest] = match
    const [memory, passes, lanes] = [Number(m), Number(t), Number(p)]
    // Below 8 KiB a lane the algorithm is not defined (RFC 9106 §3.1).
    if (memory < 8 * lanes) return null
    if (memory > limits.argon2Memory || passes > limits.argon2Passes || lanes > limits.argon2Lanes) return 'too_costly'
    if (memory * passes > limits.argon2Work) return 'too_costly'

    const salt = Buffer.from(saltText!, 'base64')
    const length = Buffer.from(digest!, 'base64').length
    const isCurrent = text.startsWith(prefix) && salt.length === saltLength && length === digestLength
    return {
      work: { kind: 'argon2', units: memory * passes },
      reads: Number.POSITIVE_INFINITY,
      isAsWanted: (wanted) => isCurrent && wanted.scheme === 'argon2id',
      call: (password) => ({
        kind: 'argon2',
        password: ownBytes(password),
        salt,
        algorithm: variant === 'id' ? 2 : 1,
        // A string without a version is from before there were two (0x10).
        version: version === '19' ? 1 : 0,
        memory,
        passes,
        lanes,
        length,
      }),
      digest: digest!,
    }
  },
}

/** A new hash string; `digest` is the part still to be computed. */
export function writeArgon2id(salt: Buffer, digest: string): string {
  return `${prefix}${salt.toString('base64').replaceAll('=', '')}$${digest}`
}
