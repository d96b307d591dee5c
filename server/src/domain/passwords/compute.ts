import { createRequire } from 'node:module'
import type { SlowCall } from './formats/format.ts'

// Each native module is loaded when it is first needed: a server needs one of them, and the main thread none.
const require = createRequire(import.meta.url)
let bcrypt: typeof import('bcrypt') | undefined
let argon2: typeof import('@node-rs/argon2') | undefined

export function loadLibrary(kind: SlowCall['kind']): void {
  if (kind === 'bcrypt') bcrypt ??= require('bcrypt') as typeof import('bcrypt')
  else argon2 ??= require('@node-rs/argon2') as typeof import('@node-rs/argon2')
}

/** Computes the digest, which takes long and blocks the thread: only the worker calls this. */
export function computeDigest(call: SlowCall): string {
  loadLibrary(call.kind)
  try {
    return call.kind === 'bcrypt' ? computeBcrypt(call) : computeArgon2(call)
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
  return digest.toString('base64').replaceAll('=', '')
}
