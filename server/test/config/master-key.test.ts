import { deepEqual, equal, match, notDeepEqual, throws } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, describe, test } from 'node:test'
import { ConfigError } from '../../src/config/config-error.ts'
import { loadMasterKeys, masterKeyFile, readMasterKey } from '../../src/config/master-key.ts'

const root = mkdtempSync(join(tmpdir(), 'ntt-auth-key-'))
after(() => rmSync(root, { recursive: true }))

function freshDirectory(name: string): string {
  return join(root, name, 'data')
}

function refusal(dataDir: string): string {
  try {
    loadMasterKeys({ masterKeys: null, dataDir })
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return 'accepted'
}

test('configured keys are used as they are, and no file is made', () => {
  const masterKeys = [randomBytes(32), randomBytes(32)]
  const dataDir = freshDirectory('configured')
  equal(loadMasterKeys({ masterKeys, dataDir }), masterKeys)
  throws(() => statSync(dataDir))
})

test('the first start makes a key that only the owner can read, later starts find it', () => {
  const dataDir = freshDirectory('first')
  const [key, ...others] = loadMasterKeys({ masterKeys: null, dataDir })
  deepEqual([key!.length, others], [32, []])
  equal(statSync(dataDir).mode & 0o777, 0o700)
  equal(statSync(masterKeyFile(dataDir)).mode & 0o777, 0o600)
  deepEqual(readdirSync(dataDir), ['master.key'])
  equal(readFileSync(masterKeyFile(dataDir), 'utf8'), `${key!.toString('base64url')}\n`)
  deepEqual(loadMasterKeys({ masterKeys: null, dataDir }), [key])
  notDeepEqual(loadMasterKeys({ masterKeys: null, dataDir: freshDirectory('second') }), [key])
})

test('processes that start at once agree on one key', async () => {
  const module = new URL('../../src/config/master-key.ts', import.meta.url).href
  // All wait for one word, so that none finds a finished file.
  const script = `import { readSync, writeSync } from 'node:fs'
    const { loadMasterKeys } = await import(${JSON.stringify(module)})
    writeSync(1, 'ready ')
    readSync(0, Buffer.alloc(1))
    const [key] = loadMasterKeys({ masterKeys: null, dataDir: process.argv[1] })
    writeSync(1, key.toString('hex'))`
  for (const round of [1, 2]) {
    const dataDir = freshDirectory(`race-${round}`)
    const starts = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--input-type=module', '--eval', script, dataDir], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    )
    const told = starts.map(({ stdout }) => stdout.setEncoding('utf8'))
    deepEqual(await Promise.all(told.map((stdout) => once(stdout, 'data'))), Array(4).fill(['ready ']))
    const words = told.map((stdout) => text(stdout))
    for (const { stdin } of starts) stdin.end('.')
    const keys = new Set(await Promise.all(words))
    equal(keys.size, 1)
    match([...keys][0]!, /^[0-9a-f]{64}$/)
    deepEqual(readdirSync(dataDir), ['master.key'])
  }
})

describe('a file is refused', () => {
  for (const mode of [0o640, 0o604, 0o660, 0o644]) {
    test(`with mode ${mode.toString(8)}, and the remedy is chmod 600`, () => {
      const dataDir = freshDirectory(`mode-${mode}`)
      loadMasterKeys({ masterKeys: null, dataDir })
      chmodSync(masterKeyFile(dataDir), mode)
      match(refusal(dataDir), /NTT_AUTH_MASTER_KEY \(file .*chmod 600 /s)
    })
  }

  for (const [what, text] of Object.entries({ empty: '', short: 'abc', binary: '\0\x01', zero: 'A'.repeat(43) })) {
    test(`with ${what} content, and is left as it is`, () => {
      const dataDir = freshDirectory(`damaged-${what}`)
      mkdirSync(dataDir, { recursive: true })
      writeFileSync(masterKeyFile(dataDir), text, { mode: 0o600 })
      match(refusal(dataDir), /damaged/)
      equal(readFileSync(masterKeyFile(dataDir), 'utf8'), text)
    })
  }

  test('when it is a directory', () => {
    const dataDir = freshDirectory('directory')
    mkdirSync(masterKeyFile(dataDir), { recursive: true })
    match(refusal(dataDir), /is a directory/)
  })
})

test('a place where no key can be kept is refused with a sentence', () => {
  const blocked = join(root, 'blocked')
  writeFileSync(blocked, '')
  match(refusal(join(blocked, 'data')), /cannot be made there \(EEXIST\)/)
  const [directory, nowhere] = [freshDirectory('link'), join(root, 'nowhere')]
  mkdirSync(directory, { recursive: true })
  symlinkSync(nowhere, join(directory, 'data'))
  match(refusal(join(directory, 'data')), /cannot be made there \(ENOENT\).*Make the data directory writable/s)
  symlinkSync(nowhere, masterKeyFile(directory))
  match(refusal(directory), /something else in its place/)
})

test('reading alone makes no file', () => {
  equal(readMasterKey(masterKeyFile(freshDirectory('reading'))), null)
})
