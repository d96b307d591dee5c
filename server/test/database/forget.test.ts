import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { it } from 'node:test'
import { sweep } from '../../src/chores/sweep.ts'
import { describeQuickFlow } from '../flows/flow-server.ts'
import { goodPassword } from '../support/server.ts'

const ada = {
  email: 'augusta.ada.king@example.com',
  name: 'Augusta Ada King-Noel',
  device: "Augusta's analytical engine",
  agent: 'Difference/2 (brass; steam)',
}

describeQuickFlow('the files of SQLite', (flow) => {
  if (flow.name !== 'SQLite') return

  const isIn = (file: string, what: string | Buffer) => existsSync(file) && readFileSync(file).includes(what)

  it('hold nothing of an erased person after the next sweep: no address, name, device, network or secret', async () => {
    const { server } = flow
    const { db } = server.app.database
    const main = flow.url.slice('sqlite:'.length)
    const log = `${main}-wal`
    const headers = { 'user-agent': ada.agent }
    const call = (method: string, path: string, body: object, token?: string) =>
      server.call(method, path, { body, headers, ...(token && { token }) })

    const { email, name } = ada
    const registered = await call('POST', '/v1/auth/register', { email, password: goodPassword, name })
    const { id } = registered.body.user
    const login = { email, password: goodPassword, device_name: ada.device }
    const token = (await call('POST', '/v1/auth/login', login)).body.access_token
    // Longer than a page, so that it fills pages of its own.
    const note = 'a note about nobody else '.repeat(200)
    assert.equal((await call('PATCH', '/v1/users/me', { metadata: { note } }, token)).status, 200)
    const person = await db.selectFrom('audit_persons').selectAll().where('user_id', '=', id).executeTakeFirstOrThrow()
    const traces = [email, name, ada.device, ada.agent, 'about nobody else', '127.0.0.1', person.secret!]
    await sweep(server.app)
    for (const trace of traces) assert.ok(isIn(main, trace), `${trace} is not in the file to begin with`)

    assert.equal((await call('DELETE', '/v1/users/me', { password: goodPassword }, token)).status, 204)
    // The last mail, which tells that the account is gone, goes with the cleanup a week after it was of no use any more.
    await db.updateTable('outbox').set({ expires_at: 0 }).where('recipient', '=', email).execute()
    await sweep(server.app)
    for (const file of [main, log]) {
      for (const trace of traces) assert.equal(isIn(file, trace), false, `${trace} is in ${file}`)
    }
  })
})
