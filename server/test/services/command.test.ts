import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { asBuilt } from '../support/as-built.ts'

const program = fileURLToPath(new URL('../../bin/ntt-auth.js', import.meta.url))
const dataDir = mkdtempSync(join(tmpdir(), 'ntt-auth-services-'))
after(() => rmSync(dataDir, { recursive: true, force: true }))

const run = (...args: string[]) =>
  new Promise<{ code: number; printed: string; told: string }>((resolve) => {
    const env = { ...asBuilt, PATH: process.env.PATH ?? '', NTT_AUTH_DATA_DIR: dataDir }
    execFile(process.execPath, [program, 'services', ...args], { env }, (error, printed, told) =>
      resolve({ code: Number(error?.code ?? 0), printed, told }),
    )
  })
const json = async (...args: string[]) => {
  const { code, printed, told } = await run(...args, '--json')
  assert.equal(code, 0, told)
  return JSON.parse(printed)
}

it('admits a service, rotates its secret, lists it and deletes it, and shows a secret once', async () => {
  const made = await json('create', '--name', 'billing', '--scopes', 'introspect,revoke', '--expires-in', '90d')
  assert.deepEqual([made.name, made.scopes, made.secrets.length], ['billing', ['introspect', 'revoke'], 1])
  assert.match(made.secrets[0].expires_at, /^20.*Z$/)
  const rotated = await json('rotate', '--client-id', made.client_id, '--overlap', '24h')
  assert.notEqual(rotated.client_secret, made.client_secret)
  const again = await run('rotate', '--client-id', made.client_id)
  assert.equal(again.code, 1)
  assert.match(again.told, /two secrets already: delete one, or rotate with --overlap 0s/)

  const [line] = await json('list')
  const ids = line.secrets.map(({ id }: { id: string }) => id)
  const { client_secret: _, ...shown } = rotated
  assert.deepEqual(line, shown)
  assert.equal(ids.length, 2)
  const plain = await run('list')
  assert.match(plain.printed, new RegExp(`^client_id {2}${made.client_id}\\nname {2}billing\\n`))
  for (const secret of [made.client_secret, rotated.client_secret]) assert.ok(!plain.printed.includes(secret))

  await json('delete', '--client-id', made.client_id, '--secret', ids[0], '--yes')
  assert.equal((await json('list'))[0].secrets.length, 1)
  await json('delete', '--client-id', made.client_id, '--yes')
  assert.deepEqual(await json('list'), [])
})

it('says what is wrong with a call before it opens anything', async () => {
  for (const [args, sentence] of [
    [[], /Call it as "ntt-auth services list"/],
    [['explode'], /Call it as "ntt-auth services list"/],
    [['create'], /Give the service a name/],
    [['create', '--name', 'x'], /--scopes LIST, of introspect, revoke, revocations:read, users:read/],
    [['list', '--name', 'x'], /--name does not belong to "services list"/],
    [['create', '--name', 'a\u0001', '--scopes', 'introspect'], /^--name: .*without control characters/],
    [
      ['create', '--name', 'x', '--scopes', 'everything'],
      /There is no scope "everything"; there are: introspect, revoke/,
    ],
    [
      ['create', '--name', 'x', '--scopes', 'introspect', '--expires-in', 'soon'],
      /--expires-in: "soon" is not a duration/,
    ],
    [['rotate'], /Say which service/],
    [['rotate', '--client-id', 'x', '--overlap', '1'], /--overlap: "1" is not a duration/],
    [['rotate', '--client-id', 'x', '--overlap', '91d'], /--overlap: 91d is too long/],
    [['delete', '--client-id', 'x'], /Add --yes/],
  ] as const) {
    const { code, told } = await run(...args)
    assert.equal(code, 64, told)
    assert.match(told, sentence)
  }
  const { code, told } = await run('delete', '--client-id', 'svc_nobody', '--yes')
  assert.equal(code, 5)
  assert.match(told, /There is no such service or secret/)
})
