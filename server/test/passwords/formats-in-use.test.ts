import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Recipe, Work } from '../../src/domain/passwords/formats/format.ts'
import { formatsInUse } from '../../src/domain/passwords/formats-in-use.ts'

const recipe = (kind: Work['kind'], units: number) => ({ work: { kind, units } }) as Recipe
const expect = ({ kind, units }: Work) => (kind === 'bcrypt' ? units : units / 1000)

test('one format alone needs no waiting, however often it is met', () => {
  const formats = formatsInUse(recipe('bcrypt', 4096))
  formats.meet(recipe('bcrypt', 4096))
  assert.equal(formats.expected(expect), 0)
})

test('a format that only another node has met counts as well, the dearest of its kind', () => {
  const formats = formatsInUse(recipe('bcrypt', 4096))
  formats.know({ kind: 'bcrypt', units: 4096 })
  assert.equal(formats.expected(expect), 0)
  formats.know({ kind: 'scrypt', units: 9_000_000 })
  formats.know({ kind: 'scrypt', units: 1_000_000 })
  assert.equal(formats.expected(expect), 9000)
  const cheaper = formatsInUse(recipe('bcrypt', 4096))
  cheaper.know({ kind: 'bcrypt', units: 16 })
  assert.equal(cheaper.expected(expect), 4096)
})

test('a cheaper hash of the same kind has others wait as well: it would be the quicker refusal', () => {
  const formats = formatsInUse(recipe('bcrypt', 4096))
  formats.meet(recipe('bcrypt', 16))
  assert.equal(formats.expected(expect), 4096)
})

test('however many formats are met, a refusal takes as long as the dearest of all', () => {
  const formats = formatsInUse(recipe('argon2', 38912))
  for (let units = 1; units <= 1000; units++) formats.meet(recipe('pbkdf2-sha256', units * 1000))
  formats.meet(recipe('scrypt', 2_000_000))
  formats.meet(recipe('pbkdf2-sha512', 210_000))
  assert.equal(formats.expected(expect), 2000)
  formats.meet(recipe('bcrypt', 2 ** 14))
  formats.meet(recipe('bcrypt', 2 ** 5))
  assert.equal(formats.expected(expect), 2 ** 14)
  // To be measured at start: one of each kind, the dearest.
  assert.deepEqual(
    formats.recipes().map(({ work }) => `${work.kind} ${work.units}`),
    ['argon2 38912', 'pbkdf2-sha256 1000000', 'scrypt 2000000', 'pbkdf2-sha512 210000', 'bcrypt 16384'],
  )
})
