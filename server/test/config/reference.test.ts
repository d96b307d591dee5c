import { deepEqual } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

test('the reference of settings and commands is up to date', () => {
  const script = fileURLToPath(new URL('../../scripts/generate-reference.ts', import.meta.url))
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
  deepEqual({ status, stderr }, { status: 0, stderr: '' })
})
