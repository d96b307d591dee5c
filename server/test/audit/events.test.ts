import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { auditEventNames, auditEventOf } from '../../src/domain/audit/events.ts'

const flows = fileURLToPath(new URL('../../src/flows/', import.meta.url))
const sources = globSync('*.ts', { cwd: flows }).map((file) => readFileSync(join(flows, file), 'utf8'))

test('every event of the catalogue is written by a flow, and fits its column', () => {
  for (const name of auditEventNames) {
    assert.ok(
      sources.some((source) => source.includes(`'${name}'`)),
      `nothing writes ${name}`,
    )
    assert.match(name, /^[a-z_]{1,48}$/)
    assert.match(auditEventOf(name).meaning, /^[A-Z].*\.$/)
  }
})

test('events that are noted afterwards are those that are documented so, and no others', () => {
  const noted = sources.flatMap((source) =>
    [...source.matchAll(/noteAfterwards\(app, act, (?:\{ event: |aboutRow\(row, )'(\w+)'/g)].map(([, name]) => name),
  )
  const documented = auditEventNames.filter((name) => auditEventOf(name).afterwards)
  assert.deepEqual([...new Set(noted)].sort(), documented.sort())
})
