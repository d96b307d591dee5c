import { type Format, ownBytes, unpadded } from './format.ts'
import { scryptWork } from './scrypt.ts'

/** `<salt in hex>:<digest in hex>`: the salt is the text itself, the costs are those of the library, the same for all. */
const shape = /^([0-9a-f]{32}):([0-9a-f]{128})$/
const [cost, blockSize, parallelism] = [16384, 16, 1]

export const betterAuth: Format = {
  read(text, limits) {
    const [, salt, digest] = shape.exec(text) ?? []
    if (digest === undefined) return null
    const work = scryptWork(cost, blockSize, parallelism, limits)
    if (work === null || work === 'too_costly') return work
    return {
      work,
      reads: Number.POSITIVE_INFINITY,
      isAsWanted: () => false,
      call: (password) => ({
        kind: 'scrypt',
        // Better Auth hashes the NFKC form, which is the same of the NFC form that we are given.
        password: ownBytes(password.normalize('NFKC')),
        salt: Buffer.from(salt!),
        cost,
        blockSize,
        parallelism,
        length: 64,
      }),
      digest: unpadded(Buffer.from(digest, 'hex')),
    }
  },
}
