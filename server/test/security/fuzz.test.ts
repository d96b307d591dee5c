import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { serviceScopes } from '../../src/domain/services/service.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { registerService } from '../../src/flows/register-service.ts'
import { freshDatabase } from '../support/databases.ts'
import { schemathesis } from '../support/schemathesis.ts'
import { registerSomebody, startTestServer, type TestServer } from '../support/server.ts'

/**
 * The committed contract against the server, by a fuzzer that others wrote: what it draws from `contract/openapi.json`
 * (right, wrong, and at every bound) is sent to every route as every kind of caller. Each run draws the same.
 */

const contract = JSON.parse(readFileSync(new URL('../../../contract/openapi.json', import.meta.url), 'utf8'))
const settings = fileURLToPath(new URL('./fuzz/schemathesis.toml', import.meta.url))

if (schemathesis.skip && process.env.NTT_AUTH_TEST_REQUIRE_ALL === '1') throw new Error(schemathesis.skip)

describe('whatever is drawn from the contract', { skip: schemathesis.skip }, () => {
  let server: TestServer
  let drop: () => Promise<void>
  let directory: string
  let user: string
  let admin: string
  let service: string

  before(async () => {
    const fresh = await freshDatabase('SQLite')
    drop = fresh.drop
    server = await startTestServer(fresh.url)
    directory = mkdtempSync(join(tmpdir(), 'ntt-auth-fuzz-'))
    user = `Bearer ${(await registerSomebody(server)).access_token}`
    const { email, password } = await registerSomebody(server)
    await server.app.database.db.updateTable('users').set({ roles: '["admin"]' }).where('email', '=', email).execute()
    const login = await server.call('POST', '/v1/auth/login', { body: { email, password } })
    admin = `Bearer ${login.body.access_token}`
    const made = await registerService(server.app, operatorAct, 'fuzz', [...serviceScopes])
    service = `Basic ${Buffer.from(`${made.service.clientId}:${made.secret}`).toString('base64')}`
  })
  after(async () => {
    rmSync(directory, { recursive: true, force: true })
    // Fails by itself when the server logged an internal error or an answer that it does not declare.
    await server.close()
    await drop()
  })

  /**
   * The paths that match, and no other: before it begins, the fuzzer tries things out on any operation of the document,
   * with the header it was given, and a logout among them would leave its caller outside.
   * @returns how many requests were sent
   */
  async function draw(paths: RegExp, examples: number, parameters: string[] = []): Promise<number> {
    const document = join(directory, 'openapi.json')
    const chosen = Object.entries(contract.paths).filter(([path]) => paths.test(path))
    writeFileSync(document, JSON.stringify({ ...contract, paths: Object.fromEntries(chosen) }))
    const { code, output } = await run([
      ...['--config-file', settings, 'run', document, '--url', server.address, '--seed', '1'],
      ...['--max-examples', String(examples), '--phases', 'examples,coverage,fuzzing', '--no-shrink'],
      ...['--continue-on-failure', '--generation-database', 'none', '--request-timeout', '30', ...parameters],
    ])
    assert.equal(code, 0, output)
    return Number(/(\d+) generated/.exec(output)?.[1])
  }

  function run(parameters: string[]): Promise<{ code: number; output: string }> {
    const options = { cwd: directory, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, NO_COLOR: '1' } }
    return new Promise((resolve) =>
      execFile(schemathesis.program!, parameters, options, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr }),
      ),
    )
  }

  /** Otherwise most of what was drawn met a caller who was let in nowhere. */
  async function stillIn(authorization: string, path: string): Promise<void> {
    const { status, text } = await server.call('GET', path, { headers: { authorization } })
    assert.equal(status, 200, text)
  }

  it('is answered as declared to anyone, on every route', async () => {
    // What streams never ends; `test/revocations/stream.test.ts` is about that.
    assert.ok((await draw(/^(?!\/v1\/revocations\/stream$)/, 12)) > 1000)
  })

  it('is answered as declared to a user', async () => {
    const paths = /^\/v1\/(auth\/validate|users\/me)/
    const as = ['--header', `Authorization: ${user}`]
    assert.ok((await draw(paths, 15, [...as, '--exclude-method', 'DELETE'])) > 100)
    await stillIn(user, '/v1/auth/validate')
    await draw(paths, 10, [...as, '--include-method', 'DELETE'])
  })

  it('is answered as declared to a service', async () => {
    assert.ok((await draw(/^\/(oauth2\/|v1\/revocations$)/, 15, ['--header', `Authorization: ${service}`])) > 60)
    await stillIn(service, '/v1/revocations')
  })

  it('is answered as declared to an administrator', async () => {
    const as = ['--header', `Authorization: ${admin}`]
    // The fuzzer picks up ids from answers, and may turn these on its own account or its own key.
    const risky = '^(DELETE /v1/admin/users|(POST|PATCH) /v1/admin/users/|POST /v1/admin/keys/rotate)'
    assert.ok((await draw(/^\/v1\/admin\//, 15, [...as, '--exclude-name-regex', risky])) > 300)
    await stillIn(admin, '/v1/admin/stats')
    assert.ok((await draw(/^\/v1\/admin\//, 10, [...as, '--include-name-regex', risky])) > 100)
  })
})
