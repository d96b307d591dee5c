import assert from 'node:assert/strict'
import { test } from 'node:test'
import { feedCursors } from './cursor.ts'

const [one, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]

test('a cursor is read by every node that has its master key, the newest one or a former', () => {
  for (const position of [0, 1, 1_800_000_000_000, Number.MAX_SAFE_INTEGER - 1]) {
    const cursor = feedCursors([one]).mint(position)
    assert.equal(feedCursors([one]).read(cursor), position)
    assert.equal(feedCursors([other, one]).read(cursor), position)
    assert.equal(feedCursors([other]).read(cursor), null)
  }
})

test('a cursor that was changed in any byte is none', () => {
  const { mint, read } = feedCursors([one])
  const bytes = Buffer.from(mint(1_800_000_000_000), 'base64url')
  for (let index = 0; index < bytes.length; index++) {
    for (const bit of [1, 128]) {
      const changed = Buffer.from(bytes)
      changed[index]! ^= bit
      assert.equal(read(changed.toString('base64url')), null, `byte ${index}`)
    }
  }
})

test('what is no cursor is none', () => {
  const { mint, read } = feedCursors([one])
  const cursor = mint(7)
  for (const text of [
    '',
    'x',
    `${cursor}A`,
    cursor.slice(1),
    `${cursor}=`,
    ` ${cursor}`,
    'ä'.repeat(39),
    '0'.repeat(39),
  ]) {
    assert.equal(read(text), null, text)
  }
})
