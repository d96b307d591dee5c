import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { it } from 'node:test'
import type { Command } from '../../src/cli/command.ts'
import { command as createAdminCommand } from '../../src/cli/create-admin.ts'
import { command as sessionsCommand } from '../../src/cli/sessions.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { command as usersCommand } from '../../src/cli/users.ts'
import { newId } from '../../src/random.ts'
import {
  administrator,
  describeQuickFlow,
  eventually,
  keyA,
  logIn,
  problem,
  refresh,
  validate,
} from '../flows/flow-server.ts'
import { goodPassword, registerSomebody, testMasterKey } from '../support/server.ts'

type Options = Record<string, string | boolean>

describeQuickFlow('the command line beside a server', (flow) => {
  /** Runs a command as `main.ts` does, in this process. */
  async function run(command: Command, args: string[], options: Options = {}, stdin = '') {
    const [out, err]: string[][] = [[], []]
    const code = await command.run({
      options,
      arguments: args,
      env: {
        NTT_AUTH_DATABASE_URL: flow.url,
        NTT_AUTH_DATA_DIR: flow.dataDir,
        NTT_AUTH_MASTER_KEY: testMasterKey,
        NTT_AUTH_PUBLIC_URL: 'https://auth.example.com',
        NTT_AUTH_PASSWORD_HASH: 'argon2id',
      },
      stdin: Readable.from([stdin]) as unknown as NodeJS.ReadStream,
      print: (line) => out!.push(line),
      tell: (line) => err!.push(line),
    })
    return { code, out: out!.join('\n'), err: err!.join('\n') }
  }
  const users = (args: string[], options: Options = {}, stdin = '') => run(usersCommand, args, options, stdin)
  const sessions = (args: string[], options: Options = {}) => run(sessionsCommand, args, options)
  const createAdmin = (options: Options, stdin = '') => run(createAdminCommand, [], options, stdin)
  const stdin = { 'password-stdin': true }
  const reset = (token: string) =>
    flow.server.call('POST', '/v1/auth/reset-password', { body: { token, new_password: goodPassword } })
  const audited = async (event: string, id: string) => {
    const { db } = flow.server.app.database
    const lines = JSON.stringify(
      await db
        .selectFrom('audit_lines' as never)
        .selectAll()
        .execute(),
    )
    return JSON.parse(lines).some((line: object) => {
      const text = JSON.stringify(line)
      return text.includes(event) && text.includes(id) && text.includes('operator')
    })
  }

  it('shows, lists and finds users, in words and as JSON, page by page or all', async () => {
    const one = await registerSomebody(flow.server, 'cli-ada@example.com')
    await registerSomebody(flow.server, 'cli-bob@example.com')
    for (const name of [one.user.id, one.email, ' CLI-ADA@example.com']) {
      const { code, out } = await users(['show', name], { json: true })
      assert.equal(code, 0)
      assert.equal(JSON.parse(out).id, one.user.id)
    }
    assert.match((await users(['show', one.email])).out, /^email +cli-ada@example\.com$/m)
    const first = JSON.parse((await users(['list'], { q: 'cli-', sort: 'email', limit: '1', json: true })).out)
    assert.equal(first.items[0].email, one.email)
    const options = { q: 'cli-', sort: 'email', limit: '1', cursor: first.next_cursor }
    assert.match((await users(['list'], options)).out, /cli-bob@example\.com/)
    const page = await users(['list'], { q: 'cli-', sort: 'email', limit: '1' })
    assert.match(page.err, /More: --cursor \S+/)
    const all = (await users(['list'], { q: 'cli-', all: true, json: true })).out.split('\n')
    assert.deepEqual(all.map((line) => JSON.parse(line).email).sort(), ['cli-ada@example.com', 'cli-bob@example.com'])
    assert.equal((await users(['list'], { q: 'cli-', all: true })).out.split('\n').length, 2)
    assert.equal((await users(['list'], { role: 'nobody', json: false })).out, '')
  })

  it('creates a user by standard input or by a link, under the rules of the routes', async () => {
    const made = await users(['create'], { email: 'cli-one@example.com', roles: 'a,b', ...stdin }, `${goodPassword}\n`)
    assert.deepEqual([made.code, made.err], [0, ''])
    assert.deepEqual((await logIn(flow.server, 'cli-one@example.com')).body.user.roles, ['a', 'b'])
    const { out } = await users(['create'], { email: 'cli-two@example.com', name: 'Two', link: true, json: true })
    const two = JSON.parse(out)
    assert.equal(two.status, 'pending')
    assert.equal((await reset(two.invitation.token)).status, 204)
    assert.equal((await logIn(flow.server, 'cli-two@example.com')).status, 200)
    assert.equal(await audited('user_created', two.id), true)
    const words = (await users(['create'], { email: 'cli-three@example.com', link: true })).out
    assert.match(words, /is pending.*\n.*good once, until 20.*\nhttps:.*ntto_/)

    const taken = await users(['create'], { email: 'cli-one@example.com', link: true })
    assert.deepEqual([taken.code, taken.out], [1, ''])
    for (const [options, given] of [
      [{ email: 'cli-four@example.com', roles: 'Root', link: true }, ''],
      [{ email: 'nonsense', link: true }, ''],
      [{ email: 'cli-four@example.com', locale: 'English!', link: true }, ''],
    ] as const) {
      const refused = await users(['create'], options, given)
      assert.equal(refused.code, 64, JSON.stringify(options))
      assert.ok(refused.err.length > 20)
    }
    assert.equal((await users(['create'], { email: 'cli-four@example.com', ...stdin }, 'short')).code, 1)
    assert.equal((await users(['show', 'cli-four@example.com'])).code, 5)
  })

  it('disables, enables and logs out; a server that runs hears of it', async () => {
    const one = await registerSomebody(flow.server)
    const { code, out } = await users(['disable', one.email])
    assert.deepEqual([code, out], [0, `${one.email} is disabled (${one.user.id}).`])
    await eventually(async () => (await validate(flow.server, one.access_token)).status === 401)
    assert.equal(problem(await refresh(flow.server, one.refresh_token, keyA)), '401 session_ended disabled')
    assert.equal(problem(await logIn(flow.server, one.email)), '403 account_disabled')
    assert.equal(await audited('user_disabled', one.user.id), true)
    assert.equal(JSON.parse((await users(['enable', one.user.id], { json: true })).out).status, 'active')
    const again = (await logIn(flow.server, one.email)).body
    assert.equal((await users(['logout', one.email])).code, 0)
    assert.equal(problem(await refresh(flow.server, again.refresh_token, keyA)), '401 session_ended admin')
  })

  it('shows why each session ended, and ends one', async () => {
    const one = await registerSomebody(flow.server)
    const more = (await logIn(flow.server, one.email)).body
    const { out } = await sessions(['end', one.session_id])
    assert.equal(out, `The session ${one.session_id} has ended.`)
    assert.equal((await sessions(['end', one.session_id], { json: true })).code, 0)
    await eventually(async () => (await validate(flow.server, one.access_token)).status === 401)
    assert.equal((await validate(flow.server, more.access_token)).status, 200)
    const listed = JSON.parse((await sessions(['list', one.email], { json: true })).out)
    const seen = listed.map(({ id, end_reason }: Record<string, string>) => [id, end_reason])
    assert.deepEqual(
      new Map(seen),
      new Map([
        [more.session_id, null],
        [one.session_id, 'admin'],
      ]),
    )
    const words = (await sessions(['list', one.user.id])).out
    assert.match(words, new RegExp(`${one.session_id} +ended \\S+, admin`))
    assert.match(words, new RegExp(`${more.session_id} +alive`))
  })

  it('says in a sentence, and by its exit code, what is not there', async () => {
    for (const { code, err } of [
      await users(['show', 'nobody@example.com']),
      await users(['disable', newId(1)]),
      await users(['logout', "' or 1=1--"]),
      await sessions(['list', 'nobody@example.com']),
      await sessions(['end', newId(1)]),
      await sessions(['end', 'x']),
      await createAdmin({ email: 'nobody@example.com', promote: true }),
    ]) {
      assert.equal(code, 5)
      assert.match(err, /^There is no (user|session) /)
    }
  })

  it('refuses what makes no sense before it opens anything', async () => {
    const wrong: [Command, string[], Options][] = [
      [usersCommand, [], {}],
      [usersCommand, ['toString'], {}],
      [usersCommand, ['show'], {}],
      [usersCommand, ['list', 'x'], {}],
      [usersCommand, ['show', 'x'], { q: 'x' }],
      [usersCommand, ['list'], { email: 'x' }],
      [usersCommand, ['list'], { all: true, limit: '5' }],
      [usersCommand, ['create'], { email: 'a@example.com', link: true, ...stdin }],
      [sessionsCommand, ['list'], {}],
      [sessionsCommand, ['end', 'a', 'b'], {}],
      [createAdminCommand, [], {}],
      [createAdminCommand, ['x'], { email: 'a@example.com' }],
      [createAdminCommand, [], { email: 'a@example.com', link: true, promote: true }],
      [createAdminCommand, [], { email: 'a@example.com', name: 'A', promote: true }],
    ]
    for (const [command, args, options] of wrong) {
      await assert.rejects(run(command, args, options), UsageError, JSON.stringify([args, options]))
    }
    for (const options of [{ limit: '0' }, { limit: 'x' }, { cursor: 'x' }, { 'created-after': 'x' }, { sort: 'x' }]) {
      assert.equal((await users(['list'], options)).code, 64, JSON.stringify(options))
    }
    await assert.rejects(users(['create'], { email: 'a@example.com' }), /no terminal .* --password-stdin or --link/)
  })

  it('takes a time as the audit log does: a day, a time, or how long ago', async () => {
    const count = async (option: string, time: string) =>
      JSON.parse((await users(['list'], { [option]: time, json: true })).out).items.length
    for (const time of ['2020-01-01', '2020-01-01T00:00:00Z', '1h']) assert.ok((await count('created-after', time)) > 0)
    for (const time of ['2100-01-01', '2100-01-01T00:00:00+02:00', '0m'])
      assert.equal(await count('created-after', time), 0)
    assert.equal(await count('created-before', '1h'), 0)
    const wrong = await users(['list'], { 'created-before': 'monday' })
    assert.deepEqual([wrong.code, wrong.err.slice(0, 38)], [64, '--created-before: monday is no time. U'])
  })

  it('makes the first administrator by standard input, by a link, or of a user who is there', async () => {
    const made = await createAdmin({ email: 'cli-root@example.com', ...stdin }, `${goodPassword}\r\n`)
    assert.match(made.out, /^cli-root@example\.com is an administrator \(/)
    assert.deepEqual((await logIn(flow.server, 'cli-root@example.com')).body.user.roles, ['admin'])
    const taken = await createAdmin({ email: 'cli-root@example.com', link: true })
    assert.deepEqual(
      [taken.code, taken.err],
      [1, 'cli-root@example.com has an account; --promote makes it an administrator.'],
    )

    const { invitation, status } = JSON.parse(
      (await createAdmin({ email: 'cli-link@example.com', link: true, json: true })).out,
    )
    assert.equal(status, 'pending')
    assert.equal((await reset(invitation.token)).status, 204)
    assert.deepEqual((await logIn(flow.server, 'cli-link@example.com')).body.user.roles, ['admin'])

    const one = await registerSomebody(flow.server)
    for (const _ of [1, 2]) {
      const { roles } = JSON.parse((await createAdmin({ email: one.email, promote: true, json: true })).out)
      assert.deepEqual(roles, ['admin'])
    }
    assert.equal(await audited('user_roles_changed', one.user.id), true)
    assert.equal((await createAdmin({ email: 'cli-weak@example.com', ...stdin }, 'password1')).code, 1)
    const pending = await createAdmin({ email: 'cli-wait@example.com', link: true })
    assert.equal(pending.code, 0)
    assert.equal((await createAdmin({ email: 'cli-wait@example.com', promote: true })).code, 1)
  })

  it('is safe when two make the same administrator at once: one does, the other is told, and nothing is made twice', async () => {
    for (let round = 0; round < 5; round++) {
      const email = `cli-twin-${round}@example.com`
      const results = await Promise.all([
        createAdmin({ email, ...stdin }, goodPassword),
        createAdmin({ email, link: true }),
        createAdmin({ email, ...stdin }, goodPassword),
      ])
      assert.deepEqual(results.map(({ code }) => code).sort(), [0, 1, 1], email)
      const { items } = JSON.parse((await users(['list'], { q: email, json: true })).out)
      assert.deepEqual(
        items.map(({ roles }: { roles: string[] }) => roles),
        [['admin']],
      )
      const both = await Promise.all([createAdmin({ email, promote: true }), createAdmin({ email, promote: true })])
      const expected = items[0].status === 'active' ? [0, 0] : [1, 1]
      assert.deepEqual(
        both.map(({ code }) => code),
        expected,
      )
    }
  })

  it('does not take the last administrator away either', async () => {
    const root = await administrator(flow.server)
    await flow.server.app.database.db
      .updateTable('users')
      .set({ status: 'disabled' })
      .where('id', '!=', root.id)
      .execute()
    const { code, err } = await users(['disable', root.email])
    assert.deepEqual(
      [code, err],
      [1, 'This is the last active administrator. Make another active user an administrator first.'],
    )
  })
})
