import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Db } from '../../src/database/connect.ts'
import type { Keyring } from '../../src/domain/keys/keyring.ts'
import { keyReader } from '../../src/domain/keys/reader.ts'

it('a reading of the keys that was overtaken by a later one takes back nothing of what that one brought', async () => {
  const answers: ((rows: string[]) => void)[] = []
  const query = new Proxy({} as Record<string, unknown>, {
    get: (_, name) => (name === 'execute' ? () => new Promise((resolve) => answers.push(resolve)) : () => query),
  })
  const loaded: unknown[] = []
  const reader = keyReader(query as unknown as Db, { load: (rows) => void loaded.push(rows) } as Keyring)
  const readings = [reader.read(), reader.read(), reader.read()]
  answers[1]!(['second'])
  await readings[1]
  answers[0]!(['first'])
  await readings[0]
  answers[2]!(['third'])
  await readings[2]
  assert.deepEqual(loaded, [['second'], ['third']])
})
