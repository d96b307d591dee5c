import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { AnyRoute } from '../../src/http/route.ts'
import { routes } from '../../src/http/routes.ts'
import { createLog } from '../../src/log.ts'
import { type ChildServer, childServer } from '../support/child-server.ts'
import { onEachDatabase } from '../support/databases.ts'
import { type CallOptions, call } from '../support/server.ts'

/**
 * A canary in everything that is secret, sent through every route at the most talkative log level: it must come out
 * nowhere, in no log line, no error, no file and no process list.
 */

const canary = 'Canary7Q2xkPzJ9vLw'
const password = `${canary} sings in the engine room`
const masterKey = Buffer.from(`${canary}-master-key-32-by`).subarray(0, 32).toString('base64url')
const anId = '01934d2e-5c00-7a3b-9c4d-2f1e0a9b8c7d'

onEachDatabase((_name, url) => {
  describe('a secret', () => {
    let child: ChildServer
    const answers: string[] = []
    const secrets = new Set([canary, masterKey, Buffer.from(canary).toString('base64').slice(0, 20)])
    const asked = async (method: string, path: string, options: CallOptions = {}) => {
      const answer = await call(child.address(), method, path, options)
      answers.push(`${method} ${path} ${answer.status} ${answer.text}`)
      return answer
    }

    before(async () => {
      child = childServer({
        databaseUrl: url(),
        masterKey,
        settings: { LOG_LEVEL: 'trace', PASSWORD_HASH: 'argon2id', HASH_MAX_WAIT: '30s' },
      })
      await child.start()
      await everyRoute()
      await everyFlow()
    })
    after(() => child.remove())

    /** Every route, with the canary wherever a client may put something secret or something wrong. */
    async function everyRoute(): Promise<void> {
      for (const { method, path, route } of routes) {
        const address = path.replace(':id', anId).replace(':code', 'not_found')
        const headers = {
          authorization: `Bearer ${canary}.${canary}.${canary}`,
          cookie: `__Host-refresh=${canary}`,
          'refresh-key': canary,
          ...(route.bodyType && { 'content-type': route.bodyType }),
        }
        const bodies = route.body ? bodiesFor(route) : [undefined]
        for (const body of bodies) await asked(method, address, { headers, body })
        const basic = `Basic ${Buffer.from(`svc_x:${canary}`).toString('base64')}`
        await asked(method, address, { headers: { ...headers, authorization: basic }, body: bodies[0] })
        await asked(method, `${address}?token=${canary}&access_token=${canary}`, { headers, body: bodies[0] })
      }
    }

    /** The journeys as they succeed and fail, whose tokens are secrets too. */
    async function everyFlow(): Promise<void> {
      const email = 'canary@example.com'
      const registered = await asked('POST', '/v1/auth/register', { body: { email, password } })
      assert.equal(registered.status, 201)
      await asked('POST', '/v1/auth/register', { body: { email, password } })
      await asked('POST', '/v1/auth/login', { body: { email, password: `${password}!` } })
      await asked('POST', '/v1/auth/login', { body: { email: 'nobody@example.com', password } })
      const login = (await asked('POST', '/v1/auth/login', { body: { email, password } })).body
      const key = { 'refresh-key': `${canary}AAAA` }
      const refresh = (token: string, headers: Record<string, string> = key) =>
        asked('POST', '/v1/auth/refresh', { body: { refresh_token: token }, headers })
      const next = (await refresh(login.refresh_token)).body
      await refresh(login.refresh_token)
      await refresh(`${login.refresh_token.slice(0, -4)}AAAA`)
      const change = { current_password: password, new_password: `${password} again` }
      const token = next.access_token
      await asked('POST', '/v1/users/me/password', { token, body: { ...change, current_password: `${canary} no` } })
      assert.equal((await asked('POST', '/v1/users/me/password', { token, body: change })).status, 200)
      await refresh(login.refresh_token, {})
      await asked('GET', '/v1/auth/validate', { token: `${token.slice(0, -4)}AAAA` })
      for (const each of [registered.body, login, next]) {
        // A signature and a MAC are what makes a token worth stealing; its claims may be in a log.
        secrets.add(each.access_token.split('.')[2])
        secrets.add(each.refresh_token)
      }
    }

    const found = (text: string) => [...secrets].filter((secret) => text.includes(secret))

    it('comes out in no log line, though the log tells of every request', async () => {
      const output = child.output()
      const told = new Set(output.split('\n').flatMap((line) => /"route":"([^"]+)"/.exec(line)?.[1] ?? []))
      for (const { path } of routes) assert.ok(told.has(path), `${path} is not in the log`)
      assert.deepEqual(found(output), [])
    })

    it('comes out in no error', () => {
      const errors = answers
        .filter((answer) => / [45]\d\d \{/.test(answer))
        .map((answer) => answer.replace(/\?\S+/, ''))
      assert.ok(errors.length > routes.length)
      assert.deepEqual(
        errors.filter((error) => found(error).length > 0),
        [],
      )
    })

    it('comes out in no file that the server keeps', () => {
      const names = readdirSync(child.dataDir, { recursive: true, encoding: 'utf8' })
      const files = names.map((name) => join(child.dataDir, name)).filter((file) => statSync(file).isFile())
      assert.ok(files.length > 0)
      for (const file of files) assert.deepEqual(found(readFileSync(file, 'latin1')), [], file)
    })

    it('stands in no process list', async () => {
      const { stdout } = await promisify(execFile)('ps', ['-eo', 'args'])
      assert.match(stdout, /ntt-auth\.js serve/)
      assert.deepEqual(found(stdout), [])
    })
  })
})

describe('the log', () => {
  it('hides what an error of a library carries along, and what bears a secret’s name', () => {
    const lines: string[] = []
    const log = createLog('trace', { write: (line) => lines.push(line) })
    const error = Object.assign(new Error('duplicate'), { code: '23505', sql: canary, parameters: [canary] })
    log.error({ err: error }, 'failed')
    log.info({ password: canary, body: { refresh_token: canary, new_password: canary } })
    log.info({ headers: { authorization: canary, cookie: canary } })
    assert.equal(lines.length, 3)
    assert.match(lines[0]!, /"code":"23505"/)
    assert.ok(!lines.join('').includes(canary), lines.join(''))
  })
})

/** The example with the canary in each text, a field too many, and what is no JSON at all. */
function bodiesFor({ example, bodyType }: AnyRoute): (string | undefined)[] {
  const fields = Object.entries((example ?? {}) as Record<string, unknown>)
  const filled = Object.fromEntries(
    fields.map(([name, value]) => [name, typeof value !== 'string' || name === 'email' ? value : `${canary} ${value}`]),
  )
  if (bodyType === 'application/x-www-form-urlencoded') {
    return [String(new URLSearchParams({ token: canary })), `token=${canary}&token=${canary}`, `%${canary}`]
  }
  const wrong = Object.fromEntries(fields.map(([name]) => [name, [canary]]))
  return [
    JSON.stringify(filled),
    JSON.stringify({ ...filled, [canary.slice(0, 8)]: 1, password: canary }),
    JSON.stringify(wrong),
    `{"password": "${canary}`,
    `"${canary}"`,
  ]
}
