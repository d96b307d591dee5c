import assert from 'node:assert/strict'
import { test } from 'node:test'
import { liveSet } from './live-set.ts'

const now = 1_800_000_000_000
const claims = { sid: 's1', sub: 'u1', jti: 'j1', iat: now / 1000 }
const entry = (
  kind: 'session' | 'user' | 'roles' | 'token' | 'key',
  subject: string,
  before_at = now,
  until_at = now + 1000,
) => ({
  kind,
  subject,
  before_at,
  until_at,
})

test('a token is revoked by its session, its id and its key, whenever it was issued', () => {
  for (const [kind, subject] of [
    ['session', 's1'],
    ['token', 'j1'],
    ['key', 'k1'],
  ] as const) {
    const set = liveSet()
    assert.equal(set.has(claims, 'k1'), false)
    set.add([entry(kind, subject, now - 60_000)])
    assert.equal(set.has(claims, 'k1'), true, kind)
    assert.equal(set.has({ sid: 's2', sub: 'u2', jti: 'j2', iat: claims.iat }, 'k2'), false, kind)
  }
})

test('a name of one kind does not revoke another kind', () => {
  const set = liveSet()
  set.add([entry('session', 'u1'), entry('user', 's1'), entry('token', 'k1'), entry('key', 'j1')])
  assert.equal(set.has(claims, 'k1'), false)
  for (const name of ['__proto__', 'constructor', 'toString']) {
    assert.equal(set.has({ sid: name, sub: name, jti: name, iat: 0 }, name), false)
  }
})

test('of a user, the tokens issued up to that second are revoked and later ones are not', () => {
  const set = liveSet()
  set.add([entry('user', 'u1', now + 500)])
  assert.equal(set.has({ ...claims, iat: now / 1000 - 900 }, 'k1'), true)
  assert.equal(set.has({ ...claims, iat: now / 1000 }, 'k1'), true)
  assert.equal(set.has({ ...claims, iat: now / 1000 + 1 }, 'k1'), false)
})

test('roles as they were given are revoked whenever a token was issued; before the first change they bear the id of the user', () => {
  const set = liveSet()
  set.add([entry('roles', 'u1', now - 60_000), entry('roles', 'r1', now - 60_000)])
  assert.equal(set.has(claims, 'k1'), true)
  assert.equal(set.has({ ...claims, roles_id: 'r1' }, 'k1'), true)
  assert.equal(set.has({ ...claims, roles_id: 'r2' }, 'k1'), false)
  assert.deepEqual([set.hasRoles('u1'), set.hasRoles('r2')], [true, false])
})

test('an older entry does not weaken a newer one', () => {
  const set = liveSet()
  set.add([entry('user', 'u1', now, now + 2000)])
  set.add([entry('user', 'u1', now - 60_000, now + 1000)])
  set.sweep(now + 1500)
  assert.equal(set.has(claims, 'k1'), true)
  assert.equal(set.size(), 1)
})

test('a newer entry does not shorten an older one', () => {
  const set = liveSet()
  set.add([entry('user', 'u1', now, now + 2000)])
  set.add([entry('user', 'u1', now + 1, now + 1000)])
  set.sweep(now + 1500)
  assert.equal(set.has(claims, 'k1'), true)
})

test('of two entries about one subject the longer reach and the longer life hold, in whichever order they come', () => {
  const early = { before: now - 60_000, until: now + 2000 }
  const late = { before: now + 1000, until: now + 1500 }
  for (const order of [
    [early, late],
    [late, early],
    [early, late, early, { before: now - 90_000, until: now + 1200 }, late],
  ]) {
    const set = liveSet()
    for (const { before, until } of order) set.add([entry('user', 'u1', before, until)])
    assert.equal(set.has({ ...claims, iat: now / 1000 + 1 }, 'k1'), true)
    set.sweep(now + 1999)
    assert.equal(set.has({ ...claims, iat: now / 1000 + 1 }, 'k1'), true)
    set.sweep(now + 2000)
    assert.equal(set.size(), 0)
  }
})

test('an entry leaves once no token it could hit is alive, and not before', () => {
  const set = liveSet()
  set.add([entry('session', 's1'), entry('user', 'u1'), entry('token', 'j1'), entry('key', 'k1', now, now + 5000)])
  set.add([entry('session', 's1')])
  assert.equal(set.size(), 4)
  set.sweep(now + 999)
  assert.equal(set.size(), 4)
  set.sweep(now + 1000)
  assert.equal(set.size(), 1)
  assert.equal(set.has(claims, 'k2'), false)
  assert.equal(set.has(claims, 'k1'), true)
})

test('whoever reads a row knows of the revocations learned before, and of no later one', () => {
  const set = liveSet()
  const nothing = set.learned()
  set.add([entry('user', 'u1', now)])
  const one = set.learned()
  set.add([entry('session', 's1')])
  assert.deepEqual([set.userBefore('u1', nothing), set.userBefore('u1', one), set.userBefore('u2', one)], [0, now, 0])
  const again = set.learned()
  set.add([entry('user', 'u1', now)])
  assert.equal(set.learned(), again, 'the same again is no news')
  set.add([entry('user', 'u1', now + 5)])
  assert.deepEqual([set.userBefore('u1', again), set.userBefore('u1', set.learned())], [0, now + 5])
})
