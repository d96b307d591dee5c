import { createCipheriv, hash, pbkdf2Sync, scryptSync } from 'node:crypto'
import { createRequire } from 'node:module'
import { type Pbkdf2Digest, type SlowCall, unpadded } from './formats/format.ts'

// Each native module is loaded when it is first needed: a server needs one of them, and the main thread none.
const require = createRequire(import.meta.url)
let bcrypt: typeof import('bcrypt') | undefined
let argon2: typeof import('@node-rs/argon2') | undefined

export function loadLibrary(kind: SlowCall['kind']): void {
  if (kind === 'bcrypt') bcrypt ??= require('bcrypt') as typeof import('bcrypt')
  if (kind === 'argon2') argon2 ??= require('@node-rs/argon2') as typeof import('@node-rs/argon2')
}

/** Computes the digest, which takes long and blocks the thread: only the worker calls this. */
export function computeDigest(call: SlowCall): string {
  loadLibrary(call.kind)
  try {
    if (call.kind === 'bcrypt') return computeBcrypt(call)
    if (call.kind === 'argon2') return computeArgon2(call)
    if (call.kind === 'scrypt') return computeScrypt(call)
    return call.kind === 'phpass' ? computePhpass(call) : computePbkdf2(call)
  } finally {
    call.password.fill(0)
  }
}

function computeBcrypt({ password, salt }: SlowCall & { kind: 'bcrypt' }): string {
  return bcrypt!.hashSync(Buffer.from(password.buffer), salt).slice(-31)
}

function computeArgon2(call: SlowCall & { kind: 'argon2' }): string {
  const digest = argon2!.hashRawSync(call.password, {
    salt: call.salt,
    algorithm: call.algorithm,
    version: call.version,
    memoryCost: call.memory,
    timeCost: call.passes,
    parallelism: call.lanes,
    outputLen: call.length,
  })
  return unpadded(digest)
}

function computePbkdf2({
  kind,
  password,
  salt,
  iterations,
  length,
}: Extract<SlowCall, { iterations: number }>): string {
  const digest = kind.slice('pbkdf2-'.length) as Pbkdf2Digest
  return unpadded(pbkdf2Sync(password, salt, iterations, length, digest))
}

function computeScrypt(call: SlowCall & { kind: 'scrypt' }): string {
  const { password, salt, cost, blockSize, parallelism, length, encrypts } = call
  // As OpenSSL counts it, and a little more; what is allowed at all was decided when the hash was read.
  const maxmem = 128 * blockSize * (cost + parallelism + 8)
  const key = scryptSync(password, salt, length, { N: cost, r: blockSize, p: parallelism, maxmem })
  if (encrypts === undefined) return unpadded(key)
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  return unpadded(Buffer.concat([cipher.update(encrypts), cipher.final()]))
}

function computePhpass({ password, salt, rounds }: SlowCall & { kind: 'phpass' }): string {
  const input = Buffer.alloc(16 + password.length)
  input.set(password, 16)
  let digest = hash('md5', Buffer.concat([Buffer.from(salt), password]), 'buffer')
  for (let round = 0; round < rounds; round++) {
    input.set(digest)
    digest = hash('md5', input, 'buffer')
  }
  input.fill(0)
  return unpadded(digest)
}
