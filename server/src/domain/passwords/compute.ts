import { createRequire } from 'node:module'
import type { SlowCall } from './formats/format.ts'

// Each native module is loaded at its first use: a server needs one of them, and start-up needs none.
const require = createRequire(import.meta.url)
let bcrypt: typeof import('bcrypt') | undefined
let argon2: typeof import('@node-rs/argon2') | undefined

/** Computes the digest, which takes long and blocks the thread: only the worker calls this. */
export function computeDigest(call: SlowCall): string {
  try {
    return call.kind === 'bcrypt' ? computeBcrypt(call) : computeArgon2(call)
  } finally {
    call.password.fill(0)
  }
}

function computeBcrypt({ password, salt }: SlowCall & { kind: 'bcrypt' }): string {
  bcrypt ??= require('bcrypt') as typeof import('bcrypt')
  return bcrypt.hashSync(Buffer.from(password.buffer, password.byteOffset, password.length), salt).slice(-31)
}

function computeArgon2(call: SlowCall & { kind: 'argon2' }): string {
  argon2 ??= require('@node-rs/argon2') as typeof import('@node-rs/argon2')
  const digest = argon2.hashRawSync(call.password, {
    salt: call.salt,
    algorithm: call.algorithm,
    version: call.version,
    memoryCost: call.memory,
    timeCost: call.passes,
    parallelism: call.lanes,
    outputLen: call.length,
  })
  return digest.toString('base64').replaceAll('=', '')
}
