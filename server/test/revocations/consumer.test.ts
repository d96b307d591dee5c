import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { eventually } from '../flows/flow-server.ts'
import { freshDatabase } from '../support/databases.ts'
import { registerSomebody, startTestServer } from '../support/server.ts'
import { serviceOf } from './service.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/revocation.md'), 'utf8')
const consumer = /^```js consumer\n(.*?)^```/ms.exec(page)![1]!

it('the consumer in docs/revocation.md hears of revocations, also of those while the server was away', async () => {
  const fresh = await freshDatabase('SQLite')
  const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-consumer-'))
  writeFileSync(join(directory, 'consumer.mjs'), consumer)
  let server = await startTestServer(fresh.url)
  const { authorization } = await serviceOf(server, ['revocations:read'])
  const [CLIENT_ID, CLIENT_SECRET] = Buffer.from(authorization.slice(6), 'base64').toString().split(':')
  const port = Number(new URL(server.address).port)
  const env = { NTT_AUTH_URL: server.address, CLIENT_ID, CLIENT_SECRET }
  const child = spawn(process.execPath, [join(directory, 'consumer.mjs')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.on('data', (piece) => (said += piece))
  const logOut = async () => {
    const person = await registerSomebody(server)
    await server.call('POST', '/v1/auth/logout', { token: person.access_token, body: {} })
    return `revoked session ${person.session_id} logout`
  }
  try {
    const first = await logOut()
    await eventually(() => said.includes(first), 10_000)
    await server.close()
    server = await startTestServer(fresh.url, { port })
    const second = await logOut()
    await eventually(() => said.includes(second), 10_000)
  } finally {
    child.kill()
    await server.close()
    rmSync(directory, { recursive: true, force: true })
    await fresh.drop()
  }
  assert.equal(said.split('\n').filter((line) => line.startsWith('revoked')).length >= 2, true)
})
