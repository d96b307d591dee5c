import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seal, unseal } from './seal.ts'

const [first, second] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
const secret = Buffer.from('a private key in PKCS#8')

test('what was sealed is opened again, under the same id and master key only', () => {
  const sealed = seal([first], 'kid-1', secret)
  assert.deepEqual(unseal([first], 'kid-1', sealed), secret)
  assert.equal(unseal([first], 'kid-2', sealed), null)
  assert.equal(unseal([second], 'kid-1', sealed), null)
  assert.equal(unseal([], 'kid-1', sealed), null)
})

test('the secret does not show, and the same secret never looks the same', () => {
  const [one, two] = [seal([first], 'kid-1', secret), seal([first], 'kid-1', secret)]
  assert.equal(one.includes(secret.subarray(0, 8)), false)
  assert.equal(one.includes(first.subarray(0, 8)), false)
  assert.notDeepEqual(one, two)
  assert.notDeepEqual(one.subarray(5, 17), two.subarray(5, 17))
})

test('the first master key seals, any of them opens', () => {
  const sealed = seal([second, first], 'kid-1', secret)
  assert.deepEqual(unseal([first, second], 'kid-1', sealed), secret)
  assert.deepEqual(unseal([second], 'kid-1', sealed), secret)
  assert.equal(unseal([first], 'kid-1', sealed), null)
})

test('a sealed secret with any byte altered or missing stays shut', () => {
  const sealed = seal([first], 'kid-1', secret)
  for (let index = 0; index < sealed.length; index++) {
    const altered = Buffer.from(sealed)
    altered[index]! ^= 1
    assert.equal(unseal([first], 'kid-1', altered), null, `byte ${index}`)
    assert.equal(unseal([first], 'kid-1', sealed.subarray(0, index)), null, `cut at ${index}`)
  }
  assert.equal(unseal([first], 'kid-1', Buffer.concat([sealed, Buffer.alloc(1)])), null)
})

test('a shortened tag is refused also where there is nothing to decipher', () => {
  const sealed = seal([first], 'kid-1', Buffer.alloc(0))
  assert.deepEqual(unseal([first], 'kid-1', sealed), Buffer.alloc(0))
  for (let length = 17; length < 33; length++) assert.equal(unseal([first], 'kid-1', sealed.subarray(0, length)), null)
})
