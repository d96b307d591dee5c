import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { startHasher } from '../../src/domain/passwords/hasher.ts'
import { normalisePassword } from '../../src/domain/passwords/normalise.ts'
import { foreignVectors, vectors } from './vectors.ts'

const bcrypt4 = startHasher({ threads: 2, maxWait: 5000, wanted: { scheme: 'bcrypt', cost: 4 } })
const argon2id = startHasher({ threads: 1, maxWait: 5000, wanted: { scheme: 'argon2id' } })
after(() => Promise.all([bcrypt4.close(), argon2id.close()]))

const right = { ok: true, rehash: false, truncated: false, unreadable: null }
const wrong = { ok: false, rehash: false, truncated: false, unreadable: null }

test('a password verifies against its own hash only, under both schemes', async () => {
  for (const hasher of [bcrypt4, argon2id]) {
    const hash = await hasher.hash('correct horse battery staple')
    assert.deepEqual(await hasher.verify('correct horse battery staple', hash), right)
    assert.deepEqual(await hasher.verify('correct horse battery stapler', hash), wrong)
    assert.deepEqual(await hasher.verify('Correct horse battery staple', hash), wrong)
    assert.deepEqual(await hasher.verify('correct horse battery staple ', hash), wrong)
  }
})

test('hashing threads are niced, and no other thread is', { skip: process.platform !== 'linux' }, async () => {
  await Promise.all([bcrypt4, argon2id].map((hasher) => hasher.hash('correct horse battery staple')))
  const nices = readdirSync('/proc/self/task').map((thread) => {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8')
    // After the name, which may hold anything: the state is field 3, the nice value field 19 (proc(5)).
    return { thread: Number(thread), nice: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19 - 3]) }
  })
  const own = getPriority()
  const niced = nices.filter(({ nice }) => nice === 19)
  assert.equal(niced.length, bcrypt4.stats().running + argon2id.stats().running)
  assert.equal(nices.find(({ thread }) => thread === process.pid)!.nice, own)
  assert.ok(own < 19)
})

test('a password hashed as NFC verifies when it was typed as NFD', async () => {
  const hash = await bcrypt4.hash(normalisePassword('Ang\u00e9lique'))
  assert.deepEqual(await bcrypt4.verify(normalisePassword('Ange\u0301lique'), hash), right)
})

test('an unknown user, a wrong password and a damaged hash cost one computation each', async () => {
  const hash = await bcrypt4.hash('correct horse battery staple')
  for (const [stored, verdict] of [
    [hash, wrong],
    [null, wrong],
    ['damaged', { ...wrong, unreadable: 'unknown_format' }],
    ['$2b$31$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz01234', { ...wrong, unreadable: 'too_costly' }],
  ] as const) {
    const before = bcrypt4.stats().computed
    assert.deepEqual(await bcrypt4.verify('another password', stored), verdict)
    assert.equal(bcrypt4.stats().computed, before + 1)
  }
})

test('foreign hashes verify and ask to be replaced', async () => {
  for (const { hash, password } of vectors) {
    const verdict = await bcrypt4.verify(password, hash)
    const cut = /^\$2[aby]\$/.test(hash) && password.length > 72
    assert.deepEqual(
      verdict,
      { ok: true, rehash: !cut && !hash.includes('r=4'), truncated: cut, unreadable: null },
      hash,
    )
  }
})

test('hashes of every system people come from verify in the threads and ask to be replaced', async () => {
  // One that has met no dear format: a refusal waits for as long as the dearest takes.
  const hasher = startHasher({ threads: 2, maxWait: 5000, wanted: { scheme: 'bcrypt', cost: 4 } })
  for (const { hash, password } of foreignVectors) {
    assert.deepEqual(await hasher.verify(password, hash), { ...right, rehash: true }, hash)
    assert.deepEqual(await hasher.verify(`${password}!`, hash), wrong, hash)
  }
  assert.equal(hasher.stats().crashed, 0)
  await hasher.close()
})

test('a tail that plain bcrypt cannot check is accepted but never blessed by a new hash', async () => {
  const { hash } = vectors.find(({ hash, password }) => hash.startsWith('$2b$') && password === 'a'.repeat(72))!
  assert.deepEqual(await bcrypt4.verify('a'.repeat(72), hash), { ...right, rehash: true })
  assert.deepEqual(await bcrypt4.verify(`${'a'.repeat(72)}anything`, hash), { ...right, truncated: true })
  assert.deepEqual(await bcrypt4.verify(`${'é'.repeat(36)}anything`, hash), { ...wrong, truncated: true })
})

test('calibration replaces the guess, and real work counts as well', async () => {
  const hasher = startHasher({ threads: 2, maxWait: 5000, wanted: { scheme: 'argon2id' } })
  assert.equal(hasher.stats().hashMs, 60)
  await hasher.calibrate()
  assert.equal(hasher.stats().computed, 1)
  assert.notEqual(hasher.stats().hashMs, 60)
  await hasher.close()
  await hasher.calibrate()
  assert.equal(hasher.stats().computed, 1)
})

test('a refusal takes as long as the slowest format that is in use, whoever asks', async () => {
  const legacy = startHasher({ threads: 1, maxWait: 5000, wanted: { scheme: 'bcrypt', cost: 11 } })
  const hash = await legacy.hash('correct horse')
  await legacy.close()
  const hasher = startHasher({ threads: 1, maxWait: 5000, wanted: { scheme: 'argon2id' } })
  const time = async (work: Promise<unknown>) => {
    const start = performance.now()
    await work
    return performance.now() - start
  }
  const own = await hasher.hash('correct horse')
  hasher.meet([hash, 'damaged', hash])
  await hasher.calibrate()
  assert.equal(hasher.stats().computed, 3)
  const slow = await time(hasher.verify('wrong', hash))
  // Lower bounds only: a busy machine makes everything slower, never quicker.
  assert.ok((await time(hasher.verify('wrong', null))) > slow / 3)
  assert.ok((await time(hasher.verify('wrong', own))) > slow / 3)
  assert.equal((await hasher.verify('correct horse', own)).ok, true)
  await hasher.close()
})

test('a cost out of bounds is refused at start', () => {
  assert.throws(() => startHasher({ threads: 1, maxWait: 1, wanted: { scheme: 'bcrypt', cost: 16 } }), RangeError)
})

test('a process ends by itself once its hasher is closed', async () => {
  const program = `
    import { startHasher } from '${new URL('../../src/domain/passwords/hasher.ts', import.meta.url)}'
    const hasher = startHasher({ threads: 2, maxWait: 1500, wanted: { scheme: 'bcrypt', cost: 4 } })
    const hash = await hasher.hash('correct horse')
    console.log((await hasher.verify('correct horse', hash)).ok)
    await hasher.close()`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
    timeout: 10_000,
  })
  assert.equal(stdout.trim(), 'true')
})
