import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { listMail } from '../../src/domain/outbox/store.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { createUserFor } from '../../src/flows/create-user.ts'
import { disableUser } from '../../src/flows/disable-user.ts'
import { openMail } from '../../src/flows/queue-mail.ts'
import { day, eventually, hour, problem } from '../flows/flow-server.ts'
import { freshDatabase } from '../support/databases.ts'
import { type Answer, goodPassword, startTestServer, type TestServer } from '../support/server.ts'

/** An answer, without what is another for every request, and the figures of its limit. */
function shapeOf({ status, headers, text }: Answer): string {
  const own = headers.get('x-request-id')!
  const kept = [...headers].map(([name, value]) => {
    if (name === 'date' || name === 'x-request-id' || name === 'retry-after') return name
    // The id of a request is longer or shorter, for reasons of its own.
    if (name === 'content-length') return `${name}: ${Number(value) - own.length}`
    return name === 'ratelimit' ? value.replaceAll(/\d+/g, 'N') : `${name}: ${value}`
  })
  const body = text.replaceAll(own, 'ID').replaceAll(/"(retry_after|server_time)":("[^"]*"|\d+)/g, '"$1":N')
  return JSON.stringify([status, kept, body])
}

describe('where addresses must be verified, an answer does not tell', () => {
  let fresh: Awaited<ReturnType<typeof freshDatabase>>
  let server: TestServer
  let at = Date.now()
  const advance = (by: number) => {
    at += by
  }
  const clock = { now: () => at, offset: () => at - Date.now(), advance }
  /** What is known of each address. */
  const addresses: Record<string, string> = {}
  const names = ['unknown', 'pending', 'verified', 'disabled', 'invited', 'locked', 'unknown and locked']
  let networks = 0

  /** From a network that nobody has used before. */
  const post = (path: string, body: object) => {
    networks++
    const headers = { 'x-forwarded-for': `203.0.${networks >> 8}.${networks & 255}` }
    return server.call('POST', path, { body, headers })
  }
  const guess = (email: string) => post('/v1/auth/login', { email, password: 'a wrong engine of brass' })
  /** Asks the same about each of these. @returns the one answer that all of them got */
  const asking = async (which: string[], ask: (email: string) => Promise<Answer>) => {
    const shapes = new Map<string, string>()
    let last: Answer | undefined
    for (const name of which) {
      last = await ask(addresses[name]!)
      shapes.set(name, shapeOf(last))
    }
    const first = shapes.get(which[0]!)
    for (const [name, shape] of shapes) assert.equal(shape, first, `${name}, not like ${which[0]}`)
    return problem(last!)
  }

  before(async () => {
    fresh = await freshDatabase('SQLite')
    server = await startTestServer(fresh.url, {
      clock,
      settings: { EMAIL_VERIFICATION: 'required', RATE_LIMITS: 'on', TRUSTED_PROXIES: '127.0.0.1' },
    })
    // Of one length, so that nothing else differs.
    for (const [index, name] of names.entries()) addresses[name] = `person-${index}@example.com`
    const create = async (name: string, password: string | null) => {
      const wanted = { email: addresses[name]!, name: null, locale: null, roles: [], emailVerified: password !== null }
      return (await createUserFor(server.app, operatorAct, wanted, password)).user
    }
    for (const name of ['verified', 'locked']) await create(name, goodPassword)
    await create('invited', null)
    await disableUser(server.app, operatorAct, (await create('disabled', goodPassword)).id)
    await post('/v1/auth/register', { email: addresses.pending, password: goodPassword })
    await eventually(() => server.app.afterwards.waiting === 0)
    for (const name of ['locked', 'unknown and locked']) {
      for (let time = 0; time < 5; time++)
        assert.equal(problem(await guess(addresses[name]!)), '401 invalid_credentials')
    }
  })
  after(async () => {
    await server?.close()
    await fresh?.drop()
  })

  it('by a login with a wrong password, whose address it is; nor while it has to wait', async () => {
    const [locked, others] = [
      names.filter((name) => name.includes('locked')),
      names.filter((name) => !/locked/.test(name)),
    ]
    assert.equal(await asking(locked, guess), '429 rate_limited')
    for (let time = 0; time < 5; time++) assert.equal(await asking(others, guess), '401 invalid_credentials')
    assert.equal(await asking(names, guess), '429 rate_limited', 'and all have to wait alike from then on')
  })

  it('by a forgotten password or another link, whether anything was mailed, also more often than anything is', async () => {
    for (const path of ['/v1/auth/forgot-password', '/v1/auth/verify-email/resend']) {
      const ask = (email: string) => post(path, { email })
      for (let time = 0; time < 6; time++) assert.equal(await asking(names, ask), '202 ', path)
    }
  })

  it('by a registration, whether the address has an account', async () => {
    const register = (email: string) => post('/v1/auth/register', { email, password: 'another engine of brass' })
    assert.equal(await asking(names, register), '202 ')
    const short = (email: string) => post('/v1/auth/register', { email, password: 'short' })
    assert.equal(await asking(names, short), '422 password_too_short')
  })

  it('by a login with the password of that registration, whether it has made an account', async () => {
    await eventually(() => server.app.afterwards.waiting === 0)
    // All of them have had wrong guesses by now, and none waits any more.
    advance(day)
    const logIn = (email: string) => post('/v1/auth/login', { email, password: 'another engine of brass' })
    assert.equal(await asking(names, logIn), '401 invalid_credentials')
  })

  it('by a link, whether it was made up, used, replaced, out of date or meant for something else', async () => {
    await eventually(() => server.app.afterwards.waiting === 0)
    advance(hour)
    assert.equal((await post('/v1/auth/verify-email/resend', { email: addresses.pending })).status, 202)
    await eventually(() => server.app.afterwards.waiting === 0)
    const rows = await listMail(server.app.database.db, undefined, 500)
    const tokensOf = (name: string, template: string) =>
      rows
        .filter((row) => row.recipient === addresses[name] && row.template === template)
        .toSorted((one, other) => other.created_at - one.created_at)
        .map((row) => /token=(\S+)$/.exec((openMail(server.app, row) as { link: string }).link)![1]!)
    const [newest, replaced] = tokensOf('pending', 'verify-email')
    const [reset] = tokensOf('verified', 'reset-password')
    const verify = (token: string) => post('/v1/auth/verify-email', { token })
    const redeem = (token: string) =>
      post('/v1/auth/reset-password', { token, new_password: 'a third engine of brass' })
    assert.equal((await verify(newest!)).status, 204)
    const told = async (ask: typeof verify, tokens: (string | undefined)[]) => {
      const answers: Answer[] = []
      for (const token of tokens) answers.push(await ask(token!))
      assert.deepEqual(new Set(answers.map(problem)), new Set(['400 invalid_one_time_token']))
      assert.equal(new Set(answers.map(shapeOf)).size, 1)
    }
    const made = ['x', 'ntto_', `ntto_${'A'.repeat(43)}`]
    await told(verify, [...made, newest, replaced, reset])
    await told(redeem, [...made, newest])
    advance(day)
    await told(redeem, [made[2], reset])
  })
})
