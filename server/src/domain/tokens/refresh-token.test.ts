import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { newId } from '../../random.ts'
import { refreshTokens } from './refresh-token.ts'

const [first, second] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
const tokens = refreshTokens([first])
const sessionId = '01920000-1234-7abc-8def-0123456789ab'

test('a token says its session and generation again', () => {
  for (const generation of [0, 1, 255, 256, 65_536, 0x7fff_ffff, 0xffff_fffe]) {
    const token = tokens.mint(sessionId, generation)
    assert.match(token, /^nttr_[A-Za-z0-9_-]{76}$/)
    assert.deepEqual(tokens.read(token), { sessionId, generation })
    assert.equal(tokens.mint(sessionId, generation), token)
  }
})

test('a session cannot be refreshed past the last generation', () => {
  assert.throws(() => tokens.mint(sessionId, 0xffff_ffff), RangeError)
})

test('a token with any bit altered is not ours', () => {
  const bytes = Buffer.from(tokens.mint(sessionId, 7).slice(5), 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const altered = Buffer.from(bytes)
    altered[bit >> 3]! ^= 1 << (bit & 7)
    assert.equal(tokens.read(`nttr_${altered.toString('base64url')}`), null, `bit ${bit}`)
  }
})

test('another spelling of the same bytes is not a token', () => {
  // 57 bytes fill 76 characters to the last bit, so no other last character can decode alike.
  const token = tokens.mint(sessionId, 7)
  for (const spelling of [
    `${token}=`,
    `${token}==`,
    ` ${token}`,
    `${token}\n`,
    token.replace('nttr_', 'NTTR_'),
    token.slice(5),
    `nttr_${Buffer.from(token.slice(5), 'base64url').toString('base64').replace(/-/g, '+')}=`,
    `nttr_${token.slice(5, 40)} ${token.slice(40)}`,
  ]) {
    assert.equal(tokens.read(spelling), null, spelling)
  }
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const readable = [...alphabet].filter((last) => tokens.read(token.slice(0, -1) + last) !== null)
  assert.deepEqual(readable, [token.at(-1)])
})

test('a truncated or lengthened token is not ours', () => {
  const token = tokens.mint(sessionId, 7)
  for (let length = 0; length < token.length; length++) assert.equal(tokens.read(token.slice(0, length)), null)
  for (const tail of ['A', 'AAAA', 'A'.repeat(1e6)]) assert.equal(tokens.read(token + tail), null)
})

test('a token made without the secret is not ours, though everything else fits', () => {
  const genuine = Buffer.from(tokens.mint(sessionId, 7).slice(5), 'base64url')
  const body = genuine.subarray(0, 25)
  for (const secret of [Buffer.alloc(32), first, Buffer.from('secret'), body.subarray(1, 5)]) {
    const forged = Buffer.concat([body, createHmac('sha256', secret).update(body).digest()])
    assert.equal(tokens.read(`nttr_${forged.toString('base64url')}`), null)
  }
  for (const mac of [Buffer.alloc(32), Buffer.alloc(32, 0xff)]) {
    assert.equal(tokens.read(`nttr_${Buffer.concat([body, mac]).toString('base64url')}`), null)
  }
})

test('another master key reads nothing of ours', () => {
  assert.equal(refreshTokens([second]).read(tokens.mint(sessionId, 7)), null)
})

test('after a new master key was put in front, old tokens are still read, and new ones need the new key', () => {
  const rotated = refreshTokens([second, first])
  assert.deepEqual(rotated.read(tokens.mint(sessionId, 7)), { sessionId, generation: 7 })
  const token = rotated.mint(sessionId, 8)
  assert.equal(tokens.read(token), null)
  assert.deepEqual(refreshTokens([second]).read(token), { sessionId, generation: 8 })
  assert.deepEqual(refreshTokens([first, second]).read(token), { sessionId, generation: 8 })
})

test('there is no reading or minting without a master key', () => {
  assert.throws(() => refreshTokens([]), /at least one master key/)
})

test('every session and generation survives the way into a token and back', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 47), fc.nat(0xffff_fffe), (time, generation) => {
      const id = newId(time)
      assert.deepEqual(tokens.read(tokens.mint(id, generation)), { sessionId: id, generation })
    }),
    { numRuns: 500 },
  )
})

test('no text that was not minted is read', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ minLength: 57, maxLength: 57 }).map((bytes) => `nttr_${Buffer.from(bytes).toString('base64url')}`),
  )
  fc.assert(
    fc.property(text, (given) => tokens.read(given) === null),
    { numRuns: 1000 },
  )
})
