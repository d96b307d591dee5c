import assert from 'node:assert/strict'
import { it } from 'node:test'
import { command as usersCommand } from '../../src/cli/users.ts'
import { listMail } from '../../src/domain/outbox/store.ts'
import { hashSecret } from '../../src/domain/services/create.ts'
import { insertServiceSecret } from '../../src/domain/services/store.ts'
import { believedFor } from '../../src/domain/throttling/refusals.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { createAdmin } from '../../src/flows/create-admin.ts'
import { disableUser } from '../../src/flows/disable-user.ts'
import { openMail } from '../../src/flows/queue-mail.ts'
import { registerService } from '../../src/flows/register-service.ts'
import { startPasswordReset } from '../../src/flows/start-password-reset.ts'
import { unlockUser } from '../../src/flows/unlock-user.ts'
import { newId } from '../../src/random.ts'
import {
  type Answer,
  type CallOptions,
  goodPassword,
  type registerSomebody,
  type TestServer,
} from '../support/server.ts'
import { day, describeFlow, eventually, hour, minute, problem, refresh, second, validate } from './flow-server.ts'

const wrongPassword = 'a wrong engine of brass'
/** It stands unless it is set forward: on a slow machine no wait is over before its time. */
function standingClock() {
  let at = Date.now()
  return {
    now: () => at,
    offset: () => at - Date.now(),
    advance(milliseconds: number) {
      at += milliseconds
    },
  }
}

// The real limits; the addresses of callers come from a proxy on this machine.
const settings = { RATE_LIMITS: 'on', TRUSTED_PROXIES: '127.0.0.1' }

describeFlow(
  'throttling',
  (flow) => {
    let addresses = 0
    /** Networks that nobody has used before. */
    const elsewhere = () => {
      addresses++
      return `203.${addresses >> 16}.${(addresses >> 8) & 255}.${addresses & 255}`
    }
    const calling = (server: TestServer, path: string, ip: string, options: CallOptions, method = 'POST') =>
      server.call(method, path, { ...options, headers: { ...options.headers, 'x-forwarded-for': ip } })
    const attempt = (
      email: string,
      password: string,
      {
        server = flow.server,
        ip = elsewhere(),
        ...more
      }: { server?: TestServer; ip?: string; refresh_token?: string } = {},
    ) => calling(server, '/v1/auth/login', ip, { body: { email, password, ...more } })
    let people = 0
    const somebody = async () => {
      const email = `throttled-${++people}@example.com`
      const body = { email, password: goodPassword }
      const answer = await calling(flow.server, '/v1/auth/register', elsewhere(), { body })
      assert.equal(answer.status, 201)
      return { email, ...answer.body } as Awaited<ReturnType<typeof registerSomebody>>
    }
    const nobody = () => `nobody-${++people}@example.com`
    /** Wrong passwords one after the other, from networks all over the world. @returns how they were answered */
    const guess = async (email: string, times: number, more: Parameters<typeof attempt>[2] = {}) => {
      const answers: string[] = []
      for (let time = 0; time < times; time++) answers.push(problem(await attempt(email, wrongPassword, more)))
      return answers
    }
    /** How many passwords are checked while this goes on; none takes time. */
    const checksDuring = async (server: TestServer, work: () => Promise<unknown>) => {
      const { hasher } = server.app
      const { verify } = hasher
      let checks = 0
      hasher.verify = async () => {
        checks++
        await new Promise((resolve) => setTimeout(resolve, 5))
        return { ok: false, rehash: false, truncated: false, unreadable: null }
      }
      await work().finally(() => {
        hasher.verify = verify
      })
      return checks
    }
    const rejected = '401 invalid_credentials'
    const limited = '429 rate_limited'
    const linesOf = async (userId: string) => {
      const query = flow.server.app.database.db.selectFrom('audit_lines').selectAll().where('user_id', '=', userId)
      return query.orderBy('at').orderBy('seq').execute()
    }
    const restUntilWait = async (email: string) => assert.deepEqual(await guess(email, 5), Array(5).fill(rejected))

    it('lets five wrong passwords pass and then none for half a minute, twice as long each time', async () => {
      const { email } = await somebody()
      await restUntilWait(email)
      for (const wait of [30, 60, 120]) {
        const answer = await attempt(email, wrongPassword)
        assert.equal(problem(answer), limited)
        assert.equal(answer.headers.get('retry-after'), String(wait))
        assert.equal(answer.body.retry_after, wait)
        flow.server.clock.advance(wait * second + second)
        assert.equal(problem(await attempt(email, wrongPassword)), rejected)
      }
      flow.server.clock.advance(240 * second + second)
      assert.equal((await attempt(email, goodPassword)).status, 200)
      assert.deepEqual(await guess(email, 5), Array(5).fill(rejected), 'a success begins the count anew')
    })

    it('does not tell a right password from a wrong one while the wait lasts, nor a user from nobody', async () => {
      const { email } = await somebody()
      const stranger = nobody()
      await restUntilWait(email)
      await restUntilWait(stranger)
      const told = ({ status, body, headers }: Answer) => ({
        status,
        body: { ...body, request_id: '', retry_after: 0 },
        headers: [...headers].map(([name, value]) => [
          name,
          /date|request-id|retry|ratelimit$/.test(name) ? '' : value,
        ]),
      })
      const checks = await checksDuring(flow.server, async () => {
        const answers = [
          await attempt(email, goodPassword),
          await attempt(email, wrongPassword),
          await attempt(stranger, wrongPassword),
        ]
        for (const answer of answers) assert.deepEqual(told(answer), told(answers[0]!))
        const [{ headers, body }] = answers as [Answer]
        assert.equal(headers.get('ratelimit-policy'), '"login-account";q=5')
        assert.equal(headers.get('ratelimit'), `"login-account";r=0;t=${headers.get('retry-after')}`)
        assert.equal(body.retryable, true)
        assert.equal(body.session_ended, false)
      })
      assert.equal(checks, 0)
    })

    it('checks five of a hundred wrong passwords that come at once', async () => {
      const { email } = await somebody()
      const checks = await checksDuring(flow.server, async () => {
        const answers = await Promise.all(Array.from({ length: 100 }, () => attempt(email, wrongPassword)))
        const counts = Object.groupBy(answers.map(problem), (answer) => answer)
        assert.deepEqual([counts[rejected]?.length, counts[limited]?.length], [5, 95])
      })
      assert.equal(checks, 5)
    })

    it('checks no more of them when two nodes are asked', async () => {
      const { email } = await somebody()
      const other = await flow.start()
      try {
        const checks = await Promise.all([
          checksDuring(flow.server, () => Promise.all(Array.from({ length: 50 }, () => attempt(email, wrongPassword)))),
          checksDuring(other, () =>
            Promise.all(Array.from({ length: 50 }, () => attempt(email, wrongPassword, { server: other }))),
          ),
        ])
        assert.equal(checks[0] + checks[1], 5)
        assert.equal(problem(await attempt(email, goodPassword, { server: other })), limited)
      } finally {
        await other.close()
      }
    })

    it('checks a hundred of a hundred and fifty from one network, and nobody else notices', async () => {
      const ip = elsewhere()
      const checks = await checksDuring(flow.server, () =>
        Promise.all(Array.from({ length: 150 }, () => attempt(nobody(), wrongPassword, { ip }))),
      )
      assert.equal(checks, 100)
      const refused = await attempt(nobody(), wrongPassword, { ip })
      assert.equal(problem(refused), limited)
      assert.equal(refused.headers.get('ratelimit-policy'), '"login-network";q=100;w=1500')
      const one = await somebody()
      assert.equal((await attempt(one.email, goodPassword)).status, 200)

      // Whoever has a session there goes on as if nothing had happened.
      assert.equal(
        (await calling(flow.server, '/v1/auth/validate', ip, { token: one.access_token }, 'GET')).status,
        200,
      )
      const renewed = await calling(flow.server, '/v1/auth/refresh', ip, { body: { refresh_token: one.refresh_token } })
      assert.equal(renewed.status, 200)
      assert.equal((await attempt(one.email, goodPassword, { ip, refresh_token: one.refresh_token })).status, 200)

      flow.server.clock.advance(15 * second)
      assert.equal(problem(await attempt(nobody(), wrongPassword, { ip })), rejected)
      assert.equal(problem(await attempt(nobody(), wrongPassword, { ip })), limited)
    })

    it('takes the addresses that one customer has in IPv6 for one network', async () => {
      const checks = await checksDuring(flow.server, () =>
        byForties(120, (at) => attempt(nobody(), wrongPassword, { ip: `2001:db8:5:5:${at + 1}::1` })),
      )
      assert.equal(checks, 100)
      const further = await checksDuring(flow.server, () =>
        byForties(340, (at) => attempt(nobody(), wrongPassword, { ip: `2001:db8:5:${at + 6}::1` })),
      )
      assert.equal(further, 300, 'four times as many for the /48')
    })

    it('takes nothing off the failures of a network for a success from there', async () => {
      const ip = elsewhere()
      const own = await somebody()
      let checks = 0
      for (let round = 0; round < 6; round++) {
        checks += await checksDuring(flow.server, () =>
          Promise.all(Array.from({ length: 19 }, () => attempt(nobody(), wrongPassword, { ip }))),
        )
        if (round < 5) assert.equal((await attempt(own.email, goodPassword, { ip })).status, 200)
      }
      assert.equal(checks, 100)
    })

    it('lets the owner in on a device that was there before, whatever strangers do', async () => {
      const owner = await somebody()
      await guess(owner.email, 7)
      assert.equal(problem(await attempt(owner.email, goodPassword)), limited)
      const entered = await attempt(owner.email, goodPassword, { refresh_token: owner.refresh_token })
      assert.equal(entered.status, 200)
      // Also when that session is over, and with an older token of it.
      const logout = { body: { refresh_token: owner.refresh_token } }
      assert.equal((await flow.server.call('POST', '/v1/auth/logout', logout)).status, 204)
      assert.equal((await attempt(owner.email, goodPassword, { refresh_token: owner.refresh_token })).status, 200)
      assert.equal(problem(await attempt(owner.email, goodPassword)), limited, 'strangers have gained nothing by it')
    })

    it('knows a browser by its cookie', async () => {
      const owner = await somebody()
      await restUntilWait(owner.email)
      const enter = (cookie: string) =>
        calling(flow.server, '/v1/auth/login', elsewhere(), {
          body: { email: owner.email, password: goodPassword, delivery: 'cookie' },
          headers: { origin: 'https://auth.example.com', cookie },
        })
      assert.equal(problem(await enter('other=1')), limited)
      assert.equal((await enter(`__Host-ntt-auth=${owner.refresh_token}`)).status, 200)
    })

    it('counts a known device by itself: five guesses, then it waits as well', async () => {
      const owner = await somebody()
      const { refresh_token } = owner
      assert.deepEqual(await guess(owner.email, 7, { refresh_token }), [...Array(5).fill(rejected), limited, limited])
      assert.equal(problem(await attempt(owner.email, goodPassword, { refresh_token })), limited)
      assert.equal((await attempt(owner.email, goodPassword)).status, 200, 'others do not wait for it')
      flow.server.clock.advance(31 * second)
      assert.equal((await attempt(owner.email, goodPassword, { refresh_token })).status, 200)
    })

    it('takes no device for known by a token of somebody else, a made-up one, or one that was stolen', async () => {
      const [owner, other] = [await somebody(), await somebody()]
      await restUntilWait(owner.email)
      const made = `${owner.refresh_token.slice(0, -4)}AAAA`
      for (const refresh_token of [other.refresh_token, made, 'x', nobody()]) {
        assert.equal(problem(await attempt(owner.email, goodPassword, { refresh_token })), limited)
      }
      const next = (await refresh(flow.server, owner.refresh_token)).body.refresh_token
      await refresh(flow.server, next)
      flow.server.clock.advance(minute)
      // A second use by somebody else: a copy was stolen, and the session ends.
      await refresh(flow.server, owner.refresh_token, 'key-of-somebody-else')
      assert.deepEqual(await guess(owner.email, 1), [rejected])
      assert.equal(problem(await attempt(owner.email, goodPassword, { refresh_token: next })), limited)
    })

    it('takes nobody for known who was there before the last change of the password, however that session ended', async () => {
      for (const end of ['reset', 'lapse', 'logout'] as const) {
        const owner = await somebody()
        const former = (await attempt(owner.email, goodPassword)).body
        if (end === 'logout') {
          const body = { refresh_token: former.refresh_token }
          assert.equal((await flow.server.call('POST', '/v1/auth/logout', { body })).status, 204)
        }
        // Of what ended with the password the reason tells, also within the same millisecond.
        if (end !== 'reset') flow.server.clock.advance(second)
        const password = 'a quieter engine of silk'
        if (end === 'reset') {
          const { app } = flow.server
          const link = await startPasswordReset(app, operatorAct, owner.user.id)
          const body = { token: link!.token, new_password: password }
          assert.equal((await calling(flow.server, '/v1/auth/reset-password', elsewhere(), { body })).status, 204)
        } else {
          const body = { current_password: goodPassword, new_password: password, end_other_sessions: false }
          const { access_token: token } = (await attempt(owner.email, goodPassword)).body
          assert.equal((await flow.server.call('POST', '/v1/users/me/password', { token, body })).status, 200)
        }
        if (end === 'lapse') flow.server.clock.advance(31 * day)
        await restUntilWait(owner.email)
        const { refresh_token } = former
        assert.equal(problem(await attempt(owner.email, wrongPassword, { refresh_token })), limited, end)
        assert.equal(problem(await attempt(owner.email, password)), limited)
      }
    })

    it('judges twenty wrong guesses of an account’s known devices, and then takes them for strangers', async () => {
      const owner = await somebody()
      const devices: string[] = []
      for (let device = 0; device < 8; device++) {
        devices.push((await attempt(owner.email, goodPassword)).body.refresh_token)
      }
      const answers: string[] = []
      for (const refresh_token of devices) answers.push(...(await guess(owner.email, 4, { refresh_token })))
      // From the twenty-first on they count as strangers do, who have five before they wait.
      assert.deepEqual(answers, [...Array(25).fill(rejected), ...Array(7).fill(limited)])
      const refresh_token = devices[0]!
      assert.equal(problem(await attempt(owner.email, goodPassword, { refresh_token })), limited)
      await unlockUser(flow.server.app, operatorAct, owner.user.id)
      await restUntilWait(owner.email)
      assert.equal((await attempt(owner.email, goodPassword, { refresh_token })).status, 200)
      assert.deepEqual(await guess(owner.email, 1, { refresh_token: devices[5]! }), [rejected])
    })

    it('an unlocking ends the wait of a known device too', async () => {
      const owner = await somebody()
      const { refresh_token } = owner
      await guess(owner.email, 5, { refresh_token })
      assert.equal(problem(await attempt(owner.email, goodPassword, { refresh_token })), limited)
      await unlockUser(flow.server.app, operatorAct, owner.user.id)
      assert.equal((await attempt(owner.email, goodPassword, { refresh_token })).status, 200)
    })

    it('lets a right mailed token pass whatever its neighbours send, and stops counting none of the wrong ones', async () => {
      const owner = await somebody()
      const ip = elsewhere()
      const show = (token: string) => {
        const body = { token, new_password: 'a quieter engine of silk' }
        return calling(flow.server, '/v1/auth/reset-password', ip, { body })
      }
      const wrong: string[] = []
      for (let time = 0; time < 55; time++) wrong.push(problem(await show(`ntto_${String(time).padStart(43, '0')}`)))
      assert.deepEqual(wrong, [...Array(50).fill('400 invalid_one_time_token'), ...Array(5).fill(limited)])
      const link = await startPasswordReset(flow.server.app, operatorAct, owner.user.id)
      assert.equal((await show(link!.token)).status, 204)
      assert.equal(problem(await show(link!.token)), limited, 'used up, it is a wrong one')
    })

    it('keeps its counts over a restart', async () => {
      const { email } = await somebody()
      const first = await flow.start()
      assert.deepEqual(await guess(email, 5, { server: first }), Array(5).fill(rejected))
      await first.close()
      const second = await flow.start()
      try {
        assert.equal(problem(await attempt(email, goodPassword, { server: second })), limited)
      } finally {
        await second.close()
      }
    })

    it('stops at eighty failures in a row until a new password or an administrator', async () => {
      const owner = await somebody()
      const stranger = nobody()
      const checksOf = (email: string) =>
        checksDuring(flow.server, async () => {
          for (let time = 0; time < 130; time++) {
            await attempt(email, wrongPassword)
            if (time > 3) flow.server.clock.advance(hour)
          }
        })
      assert.equal(await checksOf(owner.email), 80)
      assert.equal(await checksOf(stranger), 80)
      flow.server.clock.advance(60 * day)
      const [right, unknown] = [await attempt(owner.email, goodPassword), await attempt(stranger, wrongPassword)]
      for (const answer of [right, unknown]) {
        assert.deepEqual([problem(answer), answer.headers.get('retry-after')], [limited, '3600'])
        assert.deepEqual([answer.body.retryable, /however long you wait/.test(answer.body.detail)], [false, true])
      }
      await eventually(async () => (await linesOf(owner.user.id)).some(({ event }) => event === 'account_locked'))
      const told = (await linesOf(owner.user.id)).filter(({ event }) => event.startsWith('account_'))
      assert.deepEqual(
        told.map(({ event, details }) => [event, JSON.parse(details)]),
        [
          ['account_throttled', { failures: 5, of: 'account' }],
          ['account_locked', { failures: 80, of: 'account' }],
        ],
      )

      const admin = await administrator()
      const asked = await flow.server.call('GET', `/v1/admin/users/${owner.user.id}`, { token: admin.token })
      assert.deepEqual(asked.body.locked, { reason: 'too_many_wrong_passwords', failures: 80, until: null })
      const unlock = () => flow.server.call('POST', `/v1/admin/users/${owner.user.id}/unlock`, { token: admin.token })
      assert.deepEqual([(await unlock()).status, (await unlock()).status], [204, 204])
      assert.equal((await attempt(owner.email, goodPassword)).status, 200)
      const unlocked = (await linesOf(owner.user.id)).filter(({ event }) => event === 'account_unlocked')
      assert.deepEqual(
        unlocked.map(({ actor_id }) => actor_id),
        [admin.id],
        'the second time there was nothing to forget',
      )
    })

    it('ends the wait by a new password, on other nodes within seconds', async () => {
      const owner = await somebody()
      const other = await flow.start()
      try {
        await restUntilWait(owner.email)
        assert.equal(problem(await attempt(owner.email, goodPassword, { server: other })), limited)
        const admin = await administrator()
        const started = await flow.server.call('POST', `/v1/admin/users/${owner.user.id}/reset-password`, {
          token: admin.token,
        })
        const body = { token: started.body.token, new_password: 'a quieter engine of silk' }
        assert.equal((await flow.server.call('POST', '/v1/auth/reset-password', { body })).status, 204)
        assert.equal((await attempt(owner.email, body.new_password)).status, 200)
        flow.server.clock.advance(believedFor)
        assert.equal((await attempt(owner.email, body.new_password, { server: other })).status, 200)
      } finally {
        await other.close()
      }
    })

    it('tells an administrator who has to wait, why and until when, and a service nothing of it', async () => {
      const [owner, other] = [await somebody(), await somebody()]
      await restUntilWait(owner.email)
      await guess(other.email, 4)
      const admin = await administrator()
      const { app, clock } = flow.server
      const service = await registerService(app, operatorAct, 'reader', ['users:read'])
      const read = (path: string, headers: Record<string, string>) => flow.server.call('GET', path, { headers })
      const asAdmin = { authorization: `Bearer ${admin.token}` }
      const asService = { authorization: `Basic ${btoa(`${service.service.clientId}:${service.secret}`)}` }
      const list = `/v1/admin/users?q=${owner.email.split('@')[0]}`
      const until = new Date(clock.now() + 30 * second).toISOString()
      const locked = { reason: 'wrong_passwords', failures: 5, until }
      assert.deepEqual((await read(`/v1/admin/users/${owner.user.id}`, asAdmin)).body.locked, locked)
      assert.equal((await read(`/v1/admin/users/${other.user.id}`, asAdmin)).body.locked, null)
      const { items } = (await read(list, asAdmin)).body as { items: { email: string; locked: unknown }[] }
      assert.deepEqual(items.find(({ email }) => email === owner.email)?.locked, locked)
      assert.equal('locked' in (await read(`/v1/admin/users/${owner.user.id}`, asService)).body, false)
      assert.equal('locked' in (await read(list, asService)).body.items[0], false)
      clock.advance(30 * second)
      assert.equal((await read(`/v1/admin/users/${owner.user.id}`, asAdmin)).body.locked, null)
    })

    it('is shown and undone by "users show" and "users unlock" as well', async () => {
      const owner = await somebody()
      await restUntilWait(owner.email)
      // As the clock of the command goes, which does not stand.
      const { db } = flow.server.app.database
      const name = flow.server.app.throttle.name('account', owner.email)
      await db.updateTable('guesses').set({ last_at: Date.now() }).where('name', '=', name).execute()
      const run = async (...words: string[]) => {
        const printed: string[] = []
        const code = await usersCommand.run({
          options: {},
          arguments: words,
          env: environment(),
          stdin: process.stdin,
          print: (line) => printed.push(line),
          tell: () => undefined,
        })
        assert.equal(code, 0)
        return printed.join('\n')
      }
      assert.match(await run('show', owner.email), /^locked +\{"reason":"wrong_passwords","failures":5,"until":"2/m)
      assert.match(await run('unlock', owner.email), /is unlocked/)
      assert.match(await run('show', owner.email), /^locked +–$/m)
      assert.equal((await attempt(owner.email, goodPassword)).status, 200)
      await eventually(async () => (await linesOf(owner.user.id)).some(({ event }) => event === 'account_unlocked'))
    })

    it('counts wrong current passwords for the session that sent them', async () => {
      const owner = await somebody()
      const phone = (await attempt(owner.email, goodPassword)).body
      const change = (token: string, current_password: string) =>
        flow.server.call('POST', '/v1/users/me/password', {
          token,
          body: { current_password, new_password: 'a quieter engine of silk', end_other_sessions: false },
        })
      const remove = (token: string, password: string) =>
        flow.server.call('DELETE', '/v1/users/me', { token, body: { password } })
      for (const answer of [
        ...[await change(phone.access_token, wrongPassword), await change(phone.access_token, wrongPassword)],
        ...[await remove(phone.access_token, wrongPassword), await remove(phone.access_token, wrongPassword)],
        await change(phone.access_token, wrongPassword),
      ]) {
        assert.equal(problem(answer), '403 invalid_password')
      }
      assert.equal(problem(await change(phone.access_token, goodPassword)), limited)
      assert.equal(problem(await remove(phone.access_token, goodPassword)), limited)
      const move = { token: phone.access_token, body: { new_email: nobody(), password: goodPassword } }
      assert.equal(problem(await flow.server.call('POST', '/v1/users/me/email', move)), limited)
      assert.equal(
        problem(await attempt(owner.email, goodPassword, { refresh_token: phone.refresh_token })),
        limited,
        'it is a known device',
      )
      assert.equal((await change(owner.access_token, goodPassword)).status, 200, 'other devices do not wait for it')
      assert.equal((await validate(flow.server, phone.access_token)).status, 200)
      assert.equal((await refresh(flow.server, phone.refresh_token)).status, 200)
    })

    it('lets everybody in again the moment a right password was found right, also who was refused meanwhile', async () => {
      const { email } = await somebody()
      await guess(email, 4)
      const { hasher } = flow.server.app
      const { verify } = hasher
      const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      hasher.verify = async (...args) => {
        begun.resolve()
        await held.promise
        return verify(...args)
      }
      const fifth = attempt(email, goodPassword)
      await begun.promise
      hasher.verify = verify
      assert.equal(problem(await attempt(email, goodPassword)), limited, 'it may be the sixth in a row')
      held.resolve()
      assert.equal((await fifth).status, 200)
      assert.equal((await attempt(email, goodPassword)).status, 200)
    })

    it('tells the owner by mail of a login that came after five wrong passwords, and of none after four', async () => {
      const [one, other] = [await somebody(), await somebody()]
      await restUntilWait(one.email)
      await guess(other.email, 4)
      flow.server.clock.advance(30 * second)
      const device = { headers: { 'user-agent': 'a program of that kind' } }
      for (const { email } of [one, other]) {
        const body = { email, password: goodPassword }
        assert.equal((await calling(flow.server, '/v1/auth/login', elsewhere(), { body, ...device })).status, 200)
      }
      const rows = await listMail(flow.server.app.database.db, undefined, 500)
      const told = (email: string) =>
        rows
          .filter(({ recipient, template }) => recipient === email && template !== 'verify-email')
          .map((row) => [row.template, openMail(flow.server.app, row)?.failures])
      assert.deepEqual(told(one.email), [['login-after-failures', '5']], 'one mail, that says the worse')
      assert.deepEqual(told(other.email), [['new-device', undefined]])
    })

    it('counts no right password as a guess, also where the account is closed', async () => {
      const { email, user } = await somebody()
      await guess(email, 2)
      await disableUser(flow.server.app, operatorAct, user.id)
      for (let time = 0; time < 8; time++) {
        assert.equal(problem(await attempt(email, goodPassword)), '403 account_disabled')
      }
      assert.deepEqual(await guess(email, 4), [...Array(3).fill(rejected), limited], 'and takes none back either')
    })

    it('costs a login one commit of its own: its success takes the guess back within the commit of the session', async () => {
      const { email } = await somebody()
      const { app } = flow.server
      const { commit } = app
      let commits = 0
      app.commit = (...args) => {
        commits++
        return commit(...args)
      }
      try {
        assert.equal((await attempt(email, goodPassword)).status, 200)
      } finally {
        app.commit = commit
      }
      assert.equal(commits, 1)
      assert.deepEqual(await guess(email, 5), Array(5).fill(rejected))
    })

    it('takes back what was never judged: a busy server, and a caller that hung up', async () => {
      const { email } = await somebody()
      const { hasher } = flow.server.app
      const { verify } = hasher
      const { AppError } = await import('../../src/errors.ts')
      hasher.verify = async () => {
        throw new AppError('overloaded', { retryAfter: 1 })
      }
      const ip = elsewhere()
      const answers = await Promise.all(Array.from({ length: 30 }, () => attempt(email, goodPassword, { ip }))).finally(
        () => {
          hasher.verify = verify
        },
      )
      const told = new Set(answers.map(problem))
      assert.ok(told.has('503 overloaded'))
      flow.server.clock.advance(believedFor)
      assert.deepEqual(await guess(email, 5), Array(5).fill(rejected))
      const checks = await checksDuring(flow.server, () =>
        Promise.all(Array.from({ length: 120 }, () => attempt(nobody(), wrongPassword, { ip }))),
      )
      assert.equal(checks, 100)
    })

    it('hashes in turn for each network and each known device', async () => {
      const { email, refresh_token } = await somebody()
      const { hasher } = flow.server.app
      const { verify } = hasher
      const sources: (string | undefined)[] = []
      hasher.verify = (password, stored, asker) => {
        sources.push(asker?.source)
        return verify(password, stored, asker)
      }
      try {
        await attempt(email, wrongPassword, { ip: '203.0.113.77' })
        await attempt(nobody(), wrongPassword, { ip: '203.0.113.77' })
        await attempt(email, wrongPassword, { ip: '2001:db8:7:1::5' })
        await attempt(nobody(), wrongPassword, { ip: '2001:db8:7:2::6' })
        await attempt(email, wrongPassword, { ip: '203.0.113.77', refresh_token })
      } finally {
        hasher.verify = verify
      }
      const [first, second, third, fourth, device] = sources
      assert.ok(first && third && device)
      assert.deepEqual([second, fourth], [first, third])
      assert.equal(new Set([first, third, device]).size, 3)
    })

    it('sends away before anything is looked up or counted when it is too busy to hash', async () => {
      const { email } = await somebody()
      const ip = elsewhere()
      const { app } = flow.server
      const { commit, hasher } = app
      const { admit } = hasher
      const { AppError } = await import('../../src/errors.ts')
      let commits = 0
      app.commit = (...args) => {
        commits++
        return commit(...args)
      }
      hasher.admit = () => {
        throw new AppError('overloaded', { retryAfter: 1 })
      }
      const register = () =>
        calling(flow.server, '/v1/auth/register', ip, { body: { email: nobody(), password: goodPassword } })
      try {
        for (let call = 0; call < 60; call++) assert.equal(problem(await register()), '503 overloaded')
        assert.equal(problem(await attempt(email, goodPassword, { ip })), '503 overloaded')
      } finally {
        app.commit = commit
        hasher.admit = admit
      }
      assert.equal(commits, 0)
      // Sixty that were sent away have used up none of the fifty.
      assert.equal((await register()).status, 201)
    })

    it('bounds registrations of a network, and one-time tokens that are no good', async () => {
      const ip = elsewhere()
      const register = () =>
        calling(flow.server, '/v1/auth/register', ip, { body: { email: nobody(), password: 'short' } })
      const registered = await Promise.all(Array.from({ length: 60 }, register))
      const counts = Object.groupBy(registered.map(problem), (answer) => answer)
      assert.deepEqual([counts['422 password_too_short']?.length, counts[limited]?.length], [50, 10])
      const redeem = () =>
        calling(flow.server, '/v1/auth/reset-password', ip, {
          body: { token: 'ntto_x', new_password: 'a quieter engine of silk' },
        })
      const redeemed = await Promise.all(Array.from({ length: 60 }, redeem))
      assert.equal(redeemed.filter(({ status }) => status === 429).length, 10)
      assert.equal((await calling(flow.server, '/v1/auth/register', elsewhere(), { body: {} })).status, 422)
    })

    it('counts wrong secrets of a service for the network they come from, and lets a right one pass always', async () => {
      const { app } = flow.server
      const { service, secret } = await registerService(app, operatorAct, 'counted', ['introspect'])
      const ip = elsewhere()
      const ask = (shown: string, { from = ip, clientId = service.clientId } = {}) =>
        calling(flow.server, '/oauth2/introspect', from, {
          body: 'token=any',
          headers: {
            authorization: `Basic ${btoa(`${clientId}:${shown}`)}`,
            'content-type': 'application/x-www-form-urlencoded',
          },
        })
      const wrong = async (times: number) => {
        const answers: string[] = []
        for (let time = 0; time < times; time++) answers.push(problem(await ask(`wrong-${time}`)))
        return answers
      }
      const unknown = '401 invalid_client'
      assert.deepEqual(await wrong(23), [...Array(20).fill(unknown), limited, limited, limited])
      const refused = await ask('wrong-22')
      assert.equal(refused.headers.get('ratelimit-policy'), '"service-subject";q=20;w=100')
      assert.equal(refused.body.error, 'temporarily_unavailable')
      assert.equal(problem(await ask('wrong', { from: elsewhere() })), unknown, 'other networks do not wait for it')

      const { commit } = app
      app.commit = () => {
        throw new Error('The database was written.')
      }
      try {
        for (let moment = 0; moment < 3; moment++) {
          assert.equal((await ask(secret)).status, 200)
          flow.server.clock.advance(1001)
        }
      } finally {
        app.commit = commit
      }

      // What was refused is not looked up again for some seconds, so it may not even become right.
      const row = { service_id: service.id, created_at: flow.server.clock.now(), expires_at: null, last_used_at: null }
      await wrong(23)
      await insertServiceSecret(app.database.db, { ...row, id: newId(row.created_at), hash: hashSecret('wrong-22') })
      assert.equal(problem(await ask('wrong-22')), limited)
      flow.server.clock.advance(believedFor)
      assert.equal((await ask('wrong-22')).status, 200)

      const crowd = await byForties(310, (at) => ask('wrong', { from: '198.51.100.7', clientId: `svc_nobody-${at}` }))
      const counts = Object.groupBy(crowd.map(problem), (answer) => answer)
      assert.deepEqual([counts[unknown]?.length, counts[limited]?.length], [300, 10])
      assert.equal(problem(await ask('x', { from: '198.51.100.7', clientId: 'no id of ours' })), unknown)
    })

    it('asks the database nothing for a flood of what is refused anyway', async () => {
      const email = nobody()
      await restUntilWait(email)
      assert.equal(problem(await attempt(email, wrongPassword)), limited)
      const { app } = flow.server
      const { commit } = app
      app.commit = () => {
        throw new Error('The database was asked.')
      }
      try {
        assert.deepEqual(await guess(email, 20), Array(20).fill(limited))
      } finally {
        app.commit = commit
      }
    })

    it('limits nothing when it is switched off', async () => {
      const server = await flow.start({ settings: { ...settings, RATE_LIMITS: 'off' } })
      try {
        assert.deepEqual(await guess(nobody(), 8, { server }), Array(8).fill(rejected))
      } finally {
        await server.close()
      }
    })

    let administrators = 0
    async function administrator() {
      const email = `throttling-admin-${++administrators}@example.com`
      const user = await createAdmin(flow.server.app, { email, name: null, password: goodPassword })
      return { ...user, token: (await attempt(email, goodPassword)).body.access_token as string }
    }

    function environment() {
      const { config } = flow.server.app
      return {
        NTT_AUTH_DATABASE_URL: config.databaseUrl,
        NTT_AUTH_DATA_DIR: flow.dataDir,
        NTT_AUTH_MASTER_KEY: config.masterKeys!.map((key) => key.toString('base64url')).join(','),
      }
    }
  },
  { settings, clock: standingClock() },
)

/** So many at once as a busy machine still answers in time: who is turned away for that is not counted. */
async function byForties<T>(count: number, ask: (at: number) => Promise<T>): Promise<T[]> {
  const answers: T[] = []
  while (answers.length < count) {
    const from = answers.length
    const size = Math.min(40, count - from)
    answers.push(...(await Promise.all(Array.from({ length: size }, (_, at) => ask(from + at)))))
  }
  return answers
}
