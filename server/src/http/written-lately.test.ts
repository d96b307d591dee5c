import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writtenLately } from './written-lately.ts'

test('a text is written once within a second, and anew in the next and in any former one', () => {
  const lately = writtenLately<object>()
  let count = 0
  const write = () => `${++count}`
  const [one, other] = [{}, {}]
  assert.equal(lately(one, 5000, write), '1')
  assert.equal(lately(one, 5999, write), '1')
  assert.equal(lately(other, 5999, write), '2')
  assert.equal(lately(one, 6000, write), '3')
  assert.equal(lately(one, 5999, write), '4')
})
