/** What a new hash is made with: the setting of the day. */
export type Wanted = { scheme: 'bcrypt'; cost: number } | { scheme: 'argon2id' }

/**
 * The slow call that a hash comes down to: everything else about a format is quick and stays on the main thread.
 * `password` owns its memory alone, so that it can be handed over to a worker and wiped there.
 */
export type SlowCall =
  | { kind: 'bcrypt'; password: Uint8Array<ArrayBuffer>; salt: string }
  | {
      kind: 'argon2'
      password: Uint8Array<ArrayBuffer>
      salt: Uint8Array
      /** As in `@node-rs/argon2`: 1 = argon2i, 2 = argon2id. */
      algorithm: 1 | 2
      /** As in `@node-rs/argon2`: 0 = 0x10, 1 = 0x13. */
      version: 0 | 1
      memory: number
      passes: number
      lanes: number
      length: number
    }
  | {
      kind: `pbkdf2-${Pbkdf2Digest}`
      password: Uint8Array<ArrayBuffer>
      salt: Uint8Array
      iterations: number
      length: number
    }
  | {
      kind: 'scrypt'
      password: Uint8Array<ArrayBuffer>
      salt: Uint8Array
      cost: number
      blockSize: number
      parallelism: number
      length: number
      /** What the key that scrypt yields encrypts; the result is compared instead of the key (Firebase). */
      encrypts?: Uint8Array
    }
  | { kind: 'phpass'; password: Uint8Array<ArrayBuffer>; salt: string; rounds: number }

export type Pbkdf2Digest = 'sha1' | 'sha256' | 'sha512'

/** How much a slow call computes, in units that grow in step with its time within one kind. */
export type Work = { kind: SlowCall['kind']; units: number }

/** A stored hash taken apart. */
export type Recipe = {
  work: Work
  /** The bytes of a password that this format looks at; the rest is cut. */
  reads: number
  /** Made exactly as a new one would be made. */
  isAsWanted(wanted: Wanted): boolean
  call(password: string): SlowCall
  /** Part of the string that the slow call must yield. */
  digest: string
}

/** The dearest parameters that are computed at all; a hash above them would let its importer stop the server. */
export type Limits = {
  bcryptCost: number
  /** KiB. */
  argon2Memory: number
  /** KiB × passes: what argon2 takes time for. */
  argon2Work: number
  argon2Passes: number
  argon2Lanes: number
  pbkdf2Iterations: number
  /** N × r: scrypt takes 128 bytes of memory for each. */
  scryptMemory: number
  /** (N + 4) × r × p: what scrypt takes time for, see `scryptWork`. */
  scryptWork: number
  phpassRounds: number
}

/** Each takes at most a second of a core of a server of today, and so two where the machine has other work as well. */
export const importLimits: Limits = {
  bcryptCost: 14,
  argon2Memory: 256 * 1024,
  argon2Work: 2 ** 20,
  argon2Passes: 10,
  argon2Lanes: 8,
  pbkdf2Iterations: 2_000_000,
  scryptMemory: 2 ** 21,
  scryptWork: 2_200_000,
  phpassRounds: 2 ** 19,
}
/** What the setting allows for new hashes, so that they can be read again. */
export const storedLimits: Limits = { ...importLimits, bcryptCost: 15 }

export type Unreadable = 'unknown_format' | 'too_costly'

/** One family of hash strings. Null: not of this family, or damaged. */
export type Format = { read(text: string, limits: Limits): Recipe | 'too_costly' | null }

/** Base64 as every slow call yields its digest: without padding. */
export function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '')
}

/** The UTF-8 bytes of a text, or so many of them, in memory of their own. */
export function ownBytes(text: string, most = Number.POSITIVE_INFINITY): Uint8Array<ArrayBuffer> {
  // Not Buffer.from: small ones share a pool, which would be detached as a whole.
  const bytes = new TextEncoder().encode(text)
  if (bytes.length <= most) return bytes
  const part = bytes.slice(0, most)
  bytes.fill(0)
  return part
}
