import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'
import { missing, runtimes } from './support/runtimes.ts'

const program = fileURLToPath(new URL('./support/smoke.mjs', import.meta.url))
const promise = 'logs in, survives a lost reply, verifies, finds its session again, renders and administers'

describe.each(runtimes)('the published package in $name', ({ command, arguments: first }) => {
  it(promise, () => {
    const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-runtime-'))
    try {
      const said = execFileSync(command, [...first, program, directory], { encoding: 'utf8' })
      const seen = { tokens: 1, refreshes: 2, kept: true, rendered: true, users: 1 }
      expect(JSON.parse(said)).toEqual(seen)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})

for (const name of missing) describe.skip(`the published package in ${name}`, () => it(promise, () => undefined))
