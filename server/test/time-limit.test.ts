import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { asBuilt } from './support/as-built.ts'

const path = (name: string) => fileURLToPath(new URL(`support/${name}`, import.meta.url))

describe('a test file that never ends', () => {
  it('is ended, fails, and is named with what it left open; what passed in it has passed', () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--test', '--test-reporter=tap', `--import=${path('time-limit.ts')}`, path('never-ends.ts')],
      {
        encoding: 'utf8',
        timeout: 20_000,
        // NODE_TEST_CONTEXT: it would take itself for a part of the run around it.
        env: { ...process.env, ...asBuilt, NODE_TEST_CONTEXT: undefined, NTT_AUTH_TEST_FILE_LIMIT: '1500' },
      },
    )
    assert.equal(status, 1, stderr)
    assert.match(stdout + stderr, /never-ends\.ts has not ended within 1\.5 s\. Still open: .*Timeout/)
    assert.match(stdout, /^ *ok \d+ - passes$/m)
    assert.match(stdout, /^not ok \d+ - .*never-ends\.ts$/m)
  })
})
