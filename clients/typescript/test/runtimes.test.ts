import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'

/** Others beside this Node, for example "/opt/node-26/bin/node,/opt/bun,/opt/deno run -A". */
const others = process.env.NTT_AUTH_TEST_RUNTIMES?.split(',') ?? []
const program = fileURLToPath(new URL('./support/smoke.mjs', import.meta.url))

describe.each([process.execPath, ...others])('the published package in %s', (runtime) => {
  it('logs in, survives a lost reply, verifies, and finds its session again', () => {
    const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-runtime-'))
    try {
      const [command, ...first] = runtime.split(' ')
      const said = execFileSync(command!, [...first, program, directory], { encoding: 'utf8' })
      expect(JSON.parse(said)).toEqual({ tokens: 1, refreshes: 2, kept: true })
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})
