import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { derOf, rawOf } from './ecdsa-form.ts'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const raw = { dsaEncoding: 'ieee-p1363' as const }

test('both forms of a signature are those of Node', () => {
  for (let index = 0; index < 600; index++) {
    const data = createHash('sha256').update(`${index}`).digest()
    const der = sign('sha256', data, privateKey)
    assert.equal(verify('sha256', data, { key: publicKey, ...raw }, rawOf(der)), true)
    assert.deepEqual(derOf(rawOf(der)), der)
  }
})

test('every pair of numbers comes back, whatever zeros it begins with', () => {
  const number = fc.tuple(fc.nat(32), fc.uint8Array({ minLength: 32, maxLength: 32 })).map(([zeros, bytes]) => {
    return Buffer.from(bytes).fill(0, 0, zeros)
  })
  fc.assert(
    fc.property(number, number, (r, s) => {
      const pair = Buffer.concat([r, s])
      const der = derOf(pair)
      assert.equal(der[1], der.length - 2)
      assert.deepEqual(rawOf(der), pair)
    }),
  )
})

test('numbers that no signature has are refused, not misread', () => {
  const data = Buffer.from('text')
  const good = rawOf(sign('sha256', data, privateKey))
  assert.equal(verify('sha256', data, publicKey, derOf(good)), true)
  for (const bad of [
    Buffer.alloc(64),
    Buffer.alloc(64, 0xff),
    Buffer.concat([good.subarray(32), good.subarray(0, 32)]),
  ]) {
    assert.equal(verify('sha256', data, publicKey, derOf(bad)), false)
  }
})
