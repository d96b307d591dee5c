import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ajv } from 'ajv'
import fc from 'fast-check'
import { measureTextsQuickly } from './text-lengths.ts'

test('lengths are judged and explained as Ajv does', () => {
  const own = new Ajv({ allErrors: true })
  measureTextsQuickly(own)
  const theirs = new Ajv({ allErrors: true })
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '🙂', '\ud83d', '\ude00'), maxLength: 9 })
  fc.assert(
    fc.property(text, fc.nat(5), fc.nat(5), (value, least, most) => {
      const schema = { type: 'string', minLength: least, maxLength: most, pattern: '^[^é]*$' }
      const [mine, standard] = [own, theirs].map((ajv) => {
        const validate = ajv.compile(schema)
        return { good: validate(value), errors: validate.errors }
      })
      assert.deepEqual(mine, standard)
    }),
    { numRuns: 300 },
  )
})
