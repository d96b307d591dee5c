import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Work } from '../../src/domain/passwords/formats/format.ts'
import { startPace } from '../../src/domain/passwords/pace.ts'

const small: Work = { kind: 'bcrypt', units: 2 ** 4 }
const usual: Work = { kind: 'bcrypt', units: 2 ** 12 }

test('a usual hash replaces the guess, and later ones move it by a fifth', () => {
  const pace = startPace()
  assert.equal(pace.expect(usual), 400)
  pace.learn(usual, 200)
  assert.equal(pace.expect(usual), 200)
  pace.learn(usual, 300)
  assert.equal(Math.round(pace.expect(usual)), 220)
})

test('a pause of the machine in a small hash is not taken for the time of a big one', () => {
  const first = startPace()
  first.learn(small, 500)
  assert.ok(first.expect(usual) < 600)
  const later = startPace()
  later.learn(usual, 200)
  later.learn(small, 500)
  assert.ok(later.expect(usual) < 400)
})

test('small hashes alone are learnt from in time', () => {
  const pace = startPace()
  for (let round = 0; round < 60; round++) pace.learn(small, 1)
  assert.ok(Math.abs(pace.expect(small) - 1) < 0.1)
})
