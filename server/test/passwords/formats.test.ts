import assert from 'node:assert/strict'
import { test } from 'node:test'
import { computeDigest } from '../../src/domain/passwords/compute.ts'
import { newBlank } from '../../src/domain/passwords/formats/blank.ts'
import { importLimits, type Recipe, type Wanted } from '../../src/domain/passwords/formats/format.ts'
import { readHash } from '../../src/domain/passwords/formats/read.ts'
import { foreignVectors, vectors } from './vectors.ts'

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
  for (const { hash, password } of [...vectors, ...foreignVectors]) {
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
  ]
  for (const hash of unreadable) assert.equal(readHash(hash), 'unknown_format', hash)
})

test('foreign spellings that are damaged, undefined or too weak to tell passwords apart are not read', () => {
  const [short, full] = [Buffer.alloc(15, 7), Buffer.alloc(32, 7)]
  const b64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
  for (const hash of [
    `pbkdf2_sha256$0$salt$${b64(full)}=`,
    `pbkdf2_sha256$01$salt$${b64(full)}=`,
    `pbkdf2_sha256$1000$$${b64(full)}=`,
    `pbkdf2_sha256$1000$sa$lt$${b64(full)}=`,
    `pbkdf2_md5$1000$salt$${b64(full)}=`,
    `pbkdf2_sha256$1000$salt$${b64(short)}`,
    `pbkdf2_sha256$1000$salt$${b64(full)}=\n`,
    `pbkdf2:sha256$salt$${full.toString('hex')}`,
    `pbkdf2:sha256:1000$salt$${full.toString('hex')}0`,
    `pbkdf2:sha256:1000$salt$${short.toString('hex')}`,
    `$pbkdf2-sha384$1000$c2FsdA$${b64(full)}`,
    `$pbkdf2-sha256$1000$c2FsdA$${b64(full).replace(/^./, '+')}`,
    `$pbkdf2-sha256$i=1000,l=31$c2FsdA$${b64(full)}`,
    // 1 and 3 are no costs, and with blocks this small 65536 is none either (RFC 7914).
    `scrypt:1:8:1$salt$${full.toString('hex')}`,
    `scrypt:3:8:1$salt$${full.toString('hex')}`,
    `scrypt:65536:1:1$salt$${full.toString('hex')}`,
    `scrypt:1024:8:1$salt$${short.toString('hex')}`,
    `scrypt$1024$salt$8$0$${b64(full)}=`,
    `$scrypt$ln=0,r=8,p=1$c2FsdA$${b64(full)}`,
    `$firescrypt$ln=14,r=8,p=2$c2FsdA$${b64(full)}$Bw==$${b64(full)}`,
    `$firescrypt$ln=14,r=8,p=1$c2FsdA$${b64(full)}AAAA$Bw==$${b64(full)}`,
    `${'0'.repeat(32)}:${'0'.repeat(127)}`,
    'bcrypt$plain',
    'bcrypt_sha256$plain',
    'argon2$plain',
    '$wp$2y$plain',
    '$P$4abcdefgh9JjESeAq5StfTylF1Rcb80',
    '$P$',
    // More than the database keeps.
    `pbkdf2_sha256$1000$${'s'.repeat(128)}$${b64(Buffer.alloc(128))}`,
  ]) {
    assert.equal(readHash(hash), 'unknown_format', hash)
  }
})

test('parameters that would hang the server are refused without computing anything', () => {
  const tail = 'c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8'
  const before = process.cpuUsage()
  const [b64, hex] = [Buffer.alloc(32).toString('base64'), '0'.repeat(64)]
  for (const hash of [
    `pbkdf2_sha256$2000001$salt$${b64}`,
    `pbkdf2_sha1$9999999999$salt$${b64}`,
    `pbkdf2:sha512:2000001$salt$${hex}`,
    `$pbkdf2-sha512$2000001$c2FsdA$${b64.replace('=', '')}`,
    `$pbkdf2-sha256$i=2000001$c2FsdA$${b64}`,
    `scrypt:524288:8:1$salt$${hex}`,
    `scrypt:1024:4096:1$salt$${hex}`,
    `scrypt:262144:8:2$salt$${hex}`,
    `scrypt:131072:8:3$salt$${hex}`,
    // Nearly no memory, but time for each of the lanes, or for the one long block.
    `scrypt:2:1:2097152$salt$${hex}`,
    `scrypt:2:1:400000$salt$${hex}`,
    `scrypt:2:1048576:1$salt$${hex}`,
    `scrypt:16384:8:17$salt$${hex}`,
    `scrypt:2:8:4294967295$salt$${hex}`,
    `scrypt$1048576$salt$8$1$${b64}`,
    `$scrypt$ln=99,r=8,p=1$c2FsdA$${b64.replace('=', '')}`,
    `$firescrypt$ln=19,r=8,p=1$c2FsdA==$${b64}$Bw==$${b64}`,
    `bcrypt$$2b$16$${salt22}${digest31}`,
    `bcrypt_sha256$$2b$31$${salt22}${digest31}`,
    `argon2$argon2id$v=19$m=262145,t=1,p=1$${tail}`,
    `$wp$2y$16$${salt22}${digest31}`,
    '$P$Iabcdefgh9JjESeAq5StfTylF1Rcb80',
    `$2b$16$${salt22}${digest31}`,
    `$2b$31$${salt22}${digest31}`,
    `$2b$99$${salt22}${digest31}`,
    `$bcrypt-sha256$v=2,t=2b,r=16$${salt22}$${digest31}`,
    `$bcrypt-sha256$2b,31$${salt22}$${digest31}`,
    `$argon2id$v=19$m=262145,t=1,p=1$${tail}`,
    `$argon2id$v=19$m=4294967295,t=1,p=1$${tail}`,
    `$argon2id$v=19$m=262144,t=5,p=1$${tail}`,
    `$argon2id$v=19$m=262144,t=10,p=8$${tail}`,
    `$argon2id$v=19$m=104858,t=10,p=1$${tail}`,
    `$argon2id$v=19$m=256,t=11,p=1$${tail}`,
    `$argon2id$v=19$m=256,t=4294967295,p=1$${tail}`,
    `$argon2id$v=19$m=256,t=1,p=9$${tail}`,
  ]) {
    assert.equal(readHash(hash), 'too_costly', hash)
  }
  const { user, system } = process.cpuUsage(before)
  // The cheapest of them would take half a second of a quick processor.
  assert.ok(user + system < 300_000, `${user + system} µs`)
  for (const dearest of [
    `$argon2id$v=19$m=262144,t=4,p=8$${tail}`,
    `$argon2id$v=19$m=104857,t=10,p=1$${tail}`,
    `pbkdf2_sha256$2000000$salt$${b64}`,
    `scrypt:262144:8:1$salt$${hex}`,
    `scrypt:131072:8:2$salt$${hex}`,
    `scrypt:2:1:360000$salt$${hex}`,
    '$P$Habcdefgh9JjESeAq5StfTylF1Rcb80',
  ]) {
    assert.ok(read(dearest))
  }
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
  const needsRehash = (hash: string, wanted: Wanted) => {
    const recipe = readHash(hash)
    return typeof recipe === 'string' || !recipe.isAsWanted(wanted)
  }
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
  for (const { hash } of [...vectors, ...foreignVectors].filter(({ hash }) => !hash.includes('v=2,'))) {
    assert.equal(needsRehash(hash, bcrypt4), true, hash)
  }
})

test('phpass reads as much of a password as anybody may have here, as each of its rounds reads it anew', () => {
  const recipe = read('$P$Habcdefgh9JjESeAq5StfTylF1Rcb80')
  const call = (password: string) => recipe.call(password).password
  assert.equal(recipe.reads, 1024)
  assert.equal(call('x'.repeat(1024)).length, 1024)
  assert.deepEqual(call('€'.repeat(1000)), call('€'.repeat(400)))
  assert.equal(call('€'.repeat(1000)).buffer.byteLength, 1024, 'in memory of its own')
})

test('what scrypt is expected to take grows with its lanes, also where each of them is small', () => {
  const unitsOf = (costs: string) => read(`scrypt:${costs}$salt$${'0'.repeat(64)}`).work.units
  assert.equal(unitsOf('1024:8:6') / unitsOf('1024:8:2'), 3)
  // Measured: 1.34 µs for a lane of N = 2, 0.25 µs × N for a lane of a large N.
  assert.equal(unitsOf('2:1:300') / unitsOf('2:1:100'), 3)
  assert.ok(unitsOf('2:1:4096') > 2.5 * 2 * 4096)
})

test('the dearest scrypt that is let in is computed within the memory that was counted', () => {
  for (const costs of ['262144:8:1', '2:1:360000']) {
    const recipe = read(`scrypt:${costs}$salt$${'0'.repeat(64)}`)
    assert.ok(recipe.work.units > importLimits.scryptWork * 0.95 && recipe.work.units <= importLimits.scryptWork)
    assert.match(computeDigest(recipe.call('x')), /^[A-Za-z0-9+/]{43}$/)
  }
  for (const [n, r, p] of [
    [2, 1, 1],
    [2, 1, 1000],
    [2 ** 15, 1, 1],
    [4, 4096, 1],
    [4, 8, 34_000],
  ]) {
    assert.ok(computeDigest(read(`scrypt:${n}:${r}:${p}$salt$${'0'.repeat(64)}`).call('x')))
  }
})

test('a password that is the same in NFKC is the same where Better Auth made the hash', () => {
  const { hash } = foreignVectors.find(({ maker, password }) => maker.startsWith('Better') && password === 'ﬁne ①')!
  assert.ok(verifies(hash, 'fine 1'))
})

test('the password is wiped when it was hashed', () => {
  const call = read(make(bcrypt4, 'x')).call('correct horse battery staple')
  computeDigest(call)
  assert.ok(call.password.every((byte) => byte === 0))
})
