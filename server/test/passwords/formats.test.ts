import assert from 'node:assert/strict'
import { test } from 'node:test'
import { computeDigest } from '../../src/domain/passwords/compute.ts'
import { newBlank } from '../../src/domain/passwords/formats/blank.ts'
import { importLimits, type Recipe } from '../../src/domain/passwords/formats/format.ts'
import { readHash } from '../../src/domain/passwords/formats/read.ts'
import { needsRehash } from '../../src/domain/passwords/rehash.ts'
import { vectors } from './vectors.ts'

const bcrypt4 = { scheme: 'bcrypt', cost: 4 } as const
const argon2id = { scheme: 'argon2id' } as const
const salt22 = 'abcdefghijklmnopqrstuu'
const digest31 = 'abcdefghijklmnopqrstuvwxyz01234'

function read(hash: string): Recipe {
  const recipe = readHash(hash)
  assert.ok(typeof recipe !== 'string', `${hash}: ${recipe}`)
  return recipe
}

function verifies(hash: string, password: string): boolean {
  const recipe = read(hash)
  return computeDigest(recipe.call(password)) === recipe.digest
}

function make(wanted: typeof bcrypt4 | typeof argon2id, password: string): string {
  const { recipe, fill } = newBlank(wanted)
  return fill(computeDigest(recipe.call(password)))
}

test('hashes made by the original libraries verify, and refuse another password', () => {
  for (const { hash, password } of vectors) {
    assert.ok(verifies(hash, password), hash)
    assert.ok(!verifies(hash, `!${password}`), hash)
  }
})

test('new hashes have the standard shape and their own salt', () => {
  assert.match(make(bcrypt4, 'x'), /^\$bcrypt-sha256\$v=2,t=2b,r=4\$[./A-Za-z0-9]{21}[.Oeu]\$[./A-Za-z0-9]{31}$/)
  assert.match(make(argon2id, 'x'), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  for (const wanted of [bcrypt4, argon2id]) {
    const hash = make(wanted, 'pässwörd')
    assert.notEqual(hash, make(wanted, 'pässwörd'))
    assert.ok(verifies(hash, 'pässwörd'))
    assert.ok(!verifies(hash, 'passwörd'))
  }
})

test('every byte of a long password counts in new hashes', () => {
  for (const wanted of [bcrypt4, argon2id]) {
    const hash = make(wanted, `${'a'.repeat(72)}b`)
    assert.ok(!verifies(hash, 'a'.repeat(72)))
    assert.ok(!verifies(hash, `${'a'.repeat(72)}c`))
    assert.ok(!verifies(make(wanted, '😀'.repeat(19)), '😀'.repeat(18)))
  }
})

test('a NUL does not end a password', () => {
  for (const wanted of [bcrypt4, argon2id]) {
    const hash = make(wanted, 'before\0after')
    assert.ok(verifies(hash, 'before\0after'))
    assert.ok(!verifies(hash, 'before'))
    assert.ok(!verifies(hash, 'before\0other'))
  }
})

test('plain bcrypt reads 72 bytes and says so, also around the length where old libraries wrapped', () => {
  const hash = vectors.find(({ hash, password }) => hash.startsWith('$2b$') && password === 'a'.repeat(72))!.hash
  assert.equal(read(hash).reads, 72)
  assert.ok(verifies(hash, 'a'.repeat(73)))
  assert.ok(!verifies(hash, 'a'.repeat(71)))
  for (const length of [254, 255, 256, 257, 300]) {
    assert.ok(verifies(hash.replace('$2b$', '$2a$'), 'a'.repeat(length)), String(length))
  }
})

test('what is damaged, unsafe or of another family is not read', () => {
  const unreadable = [
    '',
    'x',
    'plain text password',
    `$2x$04$${salt22}${digest31}`,
    `$2$04$${salt22}${digest31}`,
    `$2b$03$${salt22}${digest31}`,
    `$2b$4$${salt22}${digest31}`,
    `$2b$04$${salt22}${digest31}x`,
    `$2b$04$${salt22}${digest31}\n`,
    `$2b$04$${salt22}${digest31.slice(1)}`,
    `$2b$04$${salt22.replace('a', '+')}${digest31}`,
    `$bcrypt-sha256$v=2,t=2b,r=3$${salt22}$${digest31}`,
    `$bcrypt-sha256$v=3,t=2b,r=4$${salt22}$${digest31}`,
    `$bcrypt-sha256$v=2,t=2x,r=4$${salt22}$${digest31}`,
    `$bcrypt-sha256$2b,3$${salt22}$${digest31}`,
    '$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8',
    '$argon2i$v=20$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8',
    '$argon2i$v=19$m=256,t=0,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8',
    '$argon2i$v=19$m=15,t=1,p=2$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8',
    '$argon2i$v=19$m=256,t=2,p=1,keyid=AA$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8',
    '$argon2i$v=19$m=256,t=2,p=1$c2hvcnQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8',
    'pbkdf2_sha256$1000000$saltsaltsaltsalt1234$FFXjjjUYx0JOIzxdR4l3qcUcVkBGbsCnvZaaIhl0DhM=',
  ]
  for (const hash of unreadable) assert.equal(readHash(hash), 'unknown_format', hash)
})

test('parameters that would hang the server are refused without computing anything', () => {
  const tail = 'c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8'
  const start = performance.now()
  for (const hash of [
    `$2b$16$${salt22}${digest31}`,
    `$2b$31$${salt22}${digest31}`,
    `$2b$99$${salt22}${digest31}`,
    `$bcrypt-sha256$v=2,t=2b,r=16$${salt22}$${digest31}`,
    `$bcrypt-sha256$2b,31$${salt22}$${digest31}`,
    `$argon2id$v=19$m=262145,t=1,p=1$${tail}`,
    `$argon2id$v=19$m=4294967295,t=1,p=1$${tail}`,
    `$argon2id$v=19$m=256,t=11,p=1$${tail}`,
    `$argon2id$v=19$m=256,t=4294967295,p=1$${tail}`,
    `$argon2id$v=19$m=256,t=1,p=9$${tail}`,
  ]) {
    assert.equal(readHash(hash), 'too_costly', hash)
  }
  assert.ok(performance.now() - start < 50)
  assert.ok(read(`$argon2id$v=19$m=262144,t=10,p=8$${tail}`))
})

test('an import may bring bcrypt up to 14, our own setting may be 15', () => {
  for (const hash of [`$2b$15$${salt22}${digest31}`, `$bcrypt-sha256$v=2,t=2b,r=15$${salt22}$${digest31}`]) {
    assert.equal(readHash(hash, importLimits), 'too_costly')
    assert.ok(typeof readHash(hash) !== 'string')
    assert.ok(typeof readHash(hash.replace('15', '14'), importLimits) !== 'string')
  }
  assert.throws(() => newBlank({ scheme: 'bcrypt', cost: 16 }), RangeError)
})

test('a hash is replaced unless it is exactly what is made today', () => {
  const current = { bcrypt: make(bcrypt4, 'x'), argon2id: make(argon2id, 'x') }
  assert.ok(!needsRehash(current.bcrypt, bcrypt4))
  assert.ok(!needsRehash(current.argon2id, argon2id))
  assert.ok(needsRehash(current.bcrypt, argon2id))
  assert.ok(needsRehash(current.argon2id, bcrypt4))
  assert.ok(needsRehash(current.bcrypt, { scheme: 'bcrypt', cost: 5 }))
  assert.ok(needsRehash(current.argon2id.replace('argon2id', 'argon2i'), argon2id))
  assert.ok(needsRehash(current.argon2id.replace('t=2', 't=3'), argon2id))
  assert.ok(needsRehash(current.argon2id.replace('m=19456', 'm=19457'), argon2id))
  assert.ok(needsRehash('damaged', bcrypt4))
  for (const { hash } of vectors.filter(({ hash }) => !hash.includes('v=2,'))) {
    assert.equal(needsRehash(hash, bcrypt4), true, hash)
  }
})

test('the password is wiped when it was hashed', () => {
  const call = read(make(bcrypt4, 'x')).call('correct horse battery staple')
  computeDigest(call)
  assert.ok(call.password.every((byte) => byte === 0))
})
