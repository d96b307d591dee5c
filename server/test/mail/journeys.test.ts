import assert from 'node:assert/strict'
import { it, test } from 'node:test'
import { inTransaction } from '../../src/database/transaction.ts'
import { leftAloneFor } from '../../src/domain/links/create.ts'
import { startSession } from '../../src/domain/sessions/start.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { createUserFor } from '../../src/flows/create-user.ts'
import { mailBudget } from '../../src/flows/mail-budget.ts'
import { languageFrom } from '../../src/http/journey-pages.ts'
import {
  administrator,
  describeQuickFlow,
  eventually,
  hour,
  logIn,
  minute,
  problem,
  refresh,
  second,
  sessionsOf,
} from '../flows/flow-server.ts'
import { type Kept, mailTo, tokenIn } from '../flows/kept-mail.ts'
import { goodPassword, registerSomebody, startTestServer } from '../support/server.ts'
import { partsOf } from '../support/smtp-sink.ts'
import { withSink } from '../support/with-sink.ts'

const newPassword = 'a quieter engine of silk'

let people = 0
const somebody = () => `journey-${++people}@example.com`

describeQuickFlow('journeys by mail', (flow) => {
  const call = (method: string, path: string, body?: unknown, token?: string) =>
    flow.server.call(method, path, { ...(body !== undefined && { body }), ...(token !== undefined && { token }) })
  const templatesTo = async (email: string) => (await mailTo(flow.server, email)).map(({ template }) => template)

  it('forgot: the link sets a password once, ends the sessions, verifies the address and tells the owner', async () => {
    const { email, refresh_token } = await registerSomebody(flow.server, somebody())
    const answer = await call('POST', '/v1/auth/forgot-password', { email })
    assert.deepEqual([answer.status, answer.body], [202, { status: 'accepted' }])
    const [mail] = await mailTo(flow.server, email)
    assert.equal(mail!.template, 'reset-password')
    assert.match(mail!.link, /^https:\/\/auth\.example\.com\/reset-password\?token=/)
    const reset = (new_password: string) =>
      call('POST', '/v1/auth/reset-password', { token: tokenIn(mail!), new_password })
    assert.equal(problem(await reset('short')), '422 password_too_short')
    assert.equal((await reset(newPassword)).status, 204)
    assert.equal(problem(await reset('one more engine')), '400 invalid_one_time_token')
    assert.equal(problem(await refresh(flow.server, refresh_token)), '401 session_ended password_changed')
    const login = await logIn(flow.server, email, { password: newPassword })
    assert.deepEqual([login.status, login.body.user.email_verified], [200, true])
    assert.equal((await templatesTo(email))[0], 'password-changed')
  })

  it('forgot: a newer link replaces the older one, an unknown address gets nothing, a disabled account neither', async () => {
    const { email, user } = await registerSomebody(flow.server, somebody())
    for (let asked = 0; asked < 2; asked++) {
      await call('POST', '/v1/auth/forgot-password', { email })
      await mailTo(flow.server, email)
      flow.server.clock.advance(leftAloneFor)
    }
    const [newer, older] = await mailTo(flow.server, email)
    const verdict = async (mail: Kept) =>
      problem(await call('POST', '/v1/auth/reset-password', { token: tokenIn(mail), new_password: 'x' }))
    assert.equal(await verdict(older!), '400 invalid_one_time_token')
    assert.equal(await verdict(newer!), '422 password_too_short')
    assert.equal(
      problem(await call('POST', '/v1/auth/verify-email', { token: tokenIn(newer!) })),
      '400 invalid_one_time_token',
    )
    await call('POST', '/v1/auth/forgot-password', { email: 'unknown@example.com' })
    assert.deepEqual(await mailTo(flow.server, 'unknown@example.com'), [])
    const { token } = await administrator(flow.server)
    await call('POST', `/v1/admin/users/${user.id}/disable`, undefined, token)
    const before = (await templatesTo(email)).length
    await call('POST', '/v1/auth/forgot-password', { email })
    assert.equal((await templatesTo(email)).length, before)
    assert.equal(await verdict(newer!), '400 invalid_one_time_token')
  })

  it('verify: resend gives a link that verifies once and expires; nothing goes to a verified address', async () => {
    const { email } = await registerSomebody(flow.server, somebody())
    const send = async () => {
      assert.equal((await call('POST', '/v1/auth/verify-email/resend', { email })).status, 202)
      return (await mailTo(flow.server, email))[0]!
    }
    const verify = async (mail: Kept) => call('POST', '/v1/auth/verify-email', { token: tokenIn(mail) })
    const stale = await send()
    flow.server.clock.advance(24 * hour)
    assert.equal(problem(await verify(stale)), '400 invalid_one_time_token')
    const fresh = await send()
    const tries = await Promise.all([1, 2, 3].map(() => verify(fresh)))
    assert.deepEqual(tries.map(({ status }) => status).sort(), [204, 400, 400])
    assert.equal((await logIn(flow.server, email)).body.user.email_verified, true)
    const before = (await templatesTo(email)).length
    await send()
    assert.equal((await templatesTo(email)).length, before)
  })

  it('change of address: the new one confirms, the old one is told twice, and links of the old one die', async () => {
    const { email, user, access_token, refresh_token } = await registerSomebody(flow.server, somebody())
    const { db } = flow.server.app.database
    await db.updateTable('users').set({ email_verified: 1 }).where('id', '=', user.id).execute()
    const newEmail = somebody()
    const change = (password: string, new_email = newEmail) =>
      call('POST', '/v1/users/me/email', { new_email, password }, access_token)
    assert.equal(problem(await change('wrong')), '403 invalid_password')
    assert.equal(problem(await change(goodPassword, email)), '422 validation_failed')
    assert.deepEqual((await change(goodPassword)).body, { status: 'confirmation_required' })
    const [confirm] = await mailTo(flow.server, newEmail)
    assert.equal(confirm!.template, 'confirm-email')
    assert.deepEqual(await templatesTo(email), ['email-change-started'])
    assert.equal((await logIn(flow.server, email)).status, 200, 'nothing has changed yet')
    await call('POST', '/v1/auth/forgot-password', { email })
    const [reset] = await mailTo(flow.server, email)
    const confirming = () => call('POST', '/v1/users/me/email/confirm', { token: tokenIn(confirm!) })
    assert.equal((await confirming()).status, 204)
    assert.equal(problem(await confirming()), '400 invalid_one_time_token')
    const login = await logIn(flow.server, newEmail)
    assert.deepEqual([login.status, login.body.user.email_verified], [200, true])
    assert.equal(problem(await logIn(flow.server, email)), '401 invalid_credentials')
    const [told] = await mailTo(flow.server, email)
    assert.deepEqual([told!.template, told!.new_email], ['email-changed', newEmail])
    const late = await call('POST', '/v1/auth/reset-password', { token: tokenIn(reset!), new_password: newPassword })
    assert.equal(problem(late), '400 invalid_one_time_token')
    assert.equal(
      (await refresh(flow.server, refresh_token, 'key-of-one-token-AAAA')).status,
      200,
      'the session goes on',
    )
  })

  it('change of address: an address of somebody else is answered alike, never changes hands, and its owner is told', async () => {
    const [one, other] = [
      await registerSomebody(flow.server, somebody()),
      await registerSomebody(flow.server, somebody()),
    ]
    const body = { new_email: other.email, password: goodPassword }
    const answer = await call('POST', '/v1/users/me/email', body, one.access_token)
    assert.deepEqual([answer.status, answer.body], [202, { status: 'confirmation_required' }])
    assert.deepEqual(await templatesTo(other.email), ['address-in-use'])
    assert.deepEqual(await templatesTo(one.email), ['email-change-started'])
  })

  it('change of address: what an administrator changes is told at the former address', async () => {
    const { token } = await administrator(flow.server)
    const { email, user } = await registerSomebody(flow.server, somebody())
    const before = await templatesTo(email)
    const change = (body: object) => call('PATCH', `/v1/admin/users/${user.id}`, body, token)
    const newEmail = somebody()
    assert.equal((await change({ name: 'Ada' })).status, 200)
    assert.deepEqual(await templatesTo(email), before, 'nothing else is')
    assert.equal((await change({ email: newEmail })).status, 200)
    const [told, ...earlier] = await mailTo(flow.server, email)
    assert.deepEqual([told!.template, told!.new_email, earlier.length], ['email-changed', newEmail, before.length])
    assert.deepEqual(await templatesTo(newEmail), [])
  })

  it('change of address: nothing comes of it when its session ends before it is begun', async () => {
    const { email, access_token, refresh_token } = await registerSomebody(flow.server, somebody())
    const newEmail = somebody()
    const held = Promise.withResolvers<void>()
    flow.server.app.afterwards.last = held.promise
    const body = { new_email: newEmail, password: goodPassword }
    assert.equal((await call('POST', '/v1/users/me/email', body, access_token)).status, 202)
    assert.equal((await call('POST', '/v1/auth/logout', { refresh_token })).status, 204)
    held.resolve()
    assert.deepEqual([await templatesTo(newEmail), await templatesTo(email)], [[], []])
  })

  it('change of address: a name greets nobody at an address that has not answered, and ten mails an hour do', async () => {
    const email = somebody()
    const body = { email, password: goodPassword, name: 'Ada' }
    const { access_token } = (await call('POST', '/v1/auth/register', body)).body
    await call('POST', '/v1/auth/verify-email/resend', { email })
    await call('POST', '/v1/auth/verify-email', { token: tokenIn((await mailTo(flow.server, email))[0]!) })
    const newEmail = somebody()
    for (let asked = 0; asked < 12; asked++) {
      await call('POST', '/v1/users/me/email', { new_email: newEmail, password: goodPassword }, access_token)
    }
    const mails = await mailTo(flow.server, newEmail)
    assert.deepEqual([mails.length, mails[0]!.template, mails[0]!.name], [10, 'confirm-email', undefined])
    assert.equal((await mailTo(flow.server, email))[0]!.name, 'Ada', 'the present address has')
  })

  it('change of address: nothing comes of it once the user, or an administrator, has logged out all its sessions', async () => {
    const { token } = await administrator(flow.server)
    for (const by of ['user', 'admin']) {
      const { access_token, user } = await registerSomebody(flow.server, somebody())
      const newEmail = somebody()
      await call('POST', '/v1/users/me/email', { new_email: newEmail, password: goodPassword }, access_token)
      const [confirm] = await mailTo(flow.server, newEmail)
      const answer =
        by === 'user'
          ? await call('POST', '/v1/auth/logout', { scope: 'all' }, access_token)
          : await call('POST', `/v1/admin/users/${user.id}/logout`, undefined, token)
      assert.equal(answer.status, 204, by)
      const late = await call('POST', '/v1/users/me/email/confirm', { token: tokenIn(confirm!) })
      assert.equal(problem(late), '400 invalid_one_time_token', by)
    }
  })

  it('change of address: who registers it first keeps it', async () => {
    const { access_token } = await registerSomebody(flow.server, somebody())
    const newEmail = somebody()
    await call('POST', '/v1/users/me/email', { new_email: newEmail, password: goodPassword }, access_token)
    const [confirm] = await mailTo(flow.server, newEmail)
    await registerSomebody(flow.server, newEmail)
    const late = await call('POST', '/v1/users/me/email/confirm', { token: tokenIn(confirm!) })
    assert.equal(problem(late), '400 invalid_one_time_token')
  })

  it('change of address: links of the former one stay dead when the user comes back to it', async () => {
    const { email, access_token } = await registerSomebody(flow.server, somebody())
    await call('POST', '/v1/auth/forgot-password', { email })
    const [reset] = await mailTo(flow.server, email)
    for (const new_email of [somebody(), email]) {
      flow.server.clock.advance(second)
      await call('POST', '/v1/users/me/email', { new_email, password: goodPassword }, access_token)
      const [confirm] = await mailTo(flow.server, new_email)
      const { status } = await call('POST', '/v1/users/me/email/confirm', { token: tokenIn(confirm!) })
      assert.equal(status, 204)
    }
    const late = await call('POST', '/v1/auth/reset-password', { token: tokenIn(reset!), new_password: newPassword })
    assert.equal(problem(late), '400 invalid_one_time_token')
  })

  it('reset: a link that an administrator hands over verifies no address', async () => {
    const { email, user } = await registerSomebody(flow.server, somebody())
    const { token } = await administrator(flow.server)
    const made = await call('POST', `/v1/admin/users/${user.id}/reset-password`, undefined, token)
    const body = { token: made.body.token, new_password: newPassword }
    assert.equal((await call('POST', '/v1/auth/reset-password', body)).status, 204)
    const login = await logIn(flow.server, email, { password: newPassword })
    assert.deepEqual([login.status, login.body.user.email_verified], [200, false])
  })

  it('reset: a change of address that was begun before it comes to nothing', async () => {
    const { email, access_token } = await registerSomebody(flow.server, somebody())
    const newEmail = somebody()
    await call('POST', '/v1/users/me/email', { new_email: newEmail, password: goodPassword }, access_token)
    const [confirm] = await mailTo(flow.server, newEmail)
    flow.server.clock.advance(second)
    await call('POST', '/v1/auth/forgot-password', { email })
    const [reset] = await mailTo(flow.server, email)
    const body = { token: tokenIn(reset!), new_password: newPassword }
    assert.equal((await call('POST', '/v1/auth/reset-password', body)).status, 204)
    const late = await call('POST', '/v1/users/me/email/confirm', { token: tokenIn(confirm!) })
    assert.equal(problem(late), '400 invalid_one_time_token')
  })

  it('forgot: who was invited and has no password yet gets the invitation again', async () => {
    const { token } = await administrator(flow.server)
    const email = somebody()
    assert.equal((await call('POST', '/v1/admin/users', { email }, token)).status, 201)
    await call('POST', '/v1/auth/verify-email/resend', { email })
    assert.deepEqual(await templatesTo(email), [], 'accepting it verifies the address')
    await call('POST', '/v1/auth/forgot-password', { email })
    assert.deepEqual(await templatesTo(email), ['invitation'])
  })

  it('no link for a former address verifies the present one, also where nobody has deleted it', async () => {
    const { email, user } = await registerSomebody(flow.server, somebody())
    await call('POST', '/v1/auth/verify-email/resend', { email })
    const [verification] = await mailTo(flow.server, email)
    const { db } = flow.server.app.database
    await db.updateTable('users').set({ email: somebody() }).where('id', '=', user.id).execute()
    const late = await call('POST', '/v1/auth/verify-email', { token: tokenIn(verification!) })
    assert.equal(problem(late), '400 invalid_one_time_token')
  })

  it('no link opens or changes an account that is closed, also where nobody has deleted its links', async () => {
    const { email, user, access_token } = await registerSomebody(flow.server, somebody())
    const newEmail = somebody()
    await call('POST', '/v1/users/me/email', { new_email: newEmail, password: goodPassword }, access_token)
    await call('POST', '/v1/auth/verify-email/resend', { email })
    await call('POST', '/v1/auth/forgot-password', { email })
    const mails = await mailTo(flow.server, email)
    const linkFor = (template: string) => tokenIn(mails.find((mail) => mail.template === template)!)
    const [confirm] = await mailTo(flow.server, newEmail)
    const { db } = flow.server.app.database
    await db.updateTable('users').set({ status: 'disabled' }).where('id', '=', user.id).execute()
    const tries = [
      await call('POST', '/v1/auth/verify-email', { token: linkFor('verify-email') }),
      await call('POST', '/v1/auth/reset-password', { token: linkFor('reset-password'), new_password: newPassword }),
      await call('POST', '/v1/users/me/email/confirm', { token: tokenIn(confirm!) }),
    ]
    assert.deepEqual(new Set(tries.map(problem)), new Set(['400 invalid_one_time_token']))
  })

  it('a change of the password tells the owner, and kills the links that could undo it', async () => {
    const { email, access_token } = await registerSomebody(flow.server, somebody())
    await call('POST', '/v1/users/me/email', { new_email: somebody(), password: goodPassword }, access_token)
    await call('POST', '/v1/auth/verify-email/resend', { email })
    const verification = (await mailTo(flow.server, email)).find(({ template }) => template === 'verify-email')!
    const [pending] = await mailTo(flow.server, `journey-${people}@example.com`)
    const body = { current_password: goodPassword, new_password: newPassword }
    assert.equal((await call('POST', '/v1/users/me/password', body, access_token)).status, 200)
    assert.equal((await templatesTo(email))[0], 'password-changed')
    const late = await call('POST', '/v1/users/me/email/confirm', { token: tokenIn(pending!) })
    assert.equal(problem(late), '400 invalid_one_time_token')
    assert.equal((await call('POST', '/v1/auth/verify-email', { token: tokenIn(verification) })).status, 204)
  })

  it('a login from another program tells the owner; one from a known program does not', async () => {
    const { email } = await registerSomebody(flow.server, somebody())
    await logIn(flow.server, email)
    assert.deepEqual(await templatesTo(email), [])
    const login = () =>
      flow.server.call('POST', '/v1/auth/login', {
        body: { email, password: goodPassword },
        headers: { 'user-agent': 'another <program>' },
      })
    await login()
    await login()
    assert.deepEqual(await templatesTo(email), ['new-device'])
  })

  it('an old token that is used again tells the owner, once', async () => {
    const one = await registerSomebody(flow.server, somebody())
    await refresh(flow.server, one.refresh_token, 'key-of-one-token-AAAA')
    for (let used = 0; used < 2; used++) {
      const again = await refresh(flow.server, one.refresh_token, 'key-of-one-token-BBBB')
      assert.equal(problem(again), '401 session_ended refresh_token_reuse')
    }
    assert.deepEqual(await templatesTo(one.email), ['session-ended'])
  })

  it('mail that anybody can cause goes to one address ten times an hour at most', async () => {
    const { email } = await registerSomebody(flow.server, somebody())
    // Each link is used up, so that there is none to be left alone.
    const { db } = flow.server.app.database
    const ask = async () => {
      await call('POST', '/v1/auth/forgot-password', { email })
      const count = (await templatesTo(email)).length
      await db.updateTable('one_time_tokens').set({ used_at: 1 }).where('email', '=', email).execute()
      return count
    }
    for (let asked = 0; asked < 14; asked++) await ask()
    assert.equal(await ask(), 10)
    flow.server.clock.advance(mailBudget.every - minute)
    assert.equal(await ask(), 10)
    flow.server.clock.advance(minute)
    assert.deepEqual([await ask(), await ask()], [11, 11], 'and then one in ten minutes')
    flow.server.clock.advance(hour + second)
    for (let asked = 0; asked < 14; asked++) await ask()
    assert.equal(await ask(), 21)
  })
})

describeQuickFlow(
  'registration where the address must be verified',
  (flow) => {
    const register = (email: string, password = goodPassword, more = {}) =>
      flow.server.call('POST', '/v1/auth/register', { body: { email, password, ...more } })
    const verify = (mail: Kept) => flow.server.call('POST', '/v1/auth/verify-email', { body: { token: tokenIn(mail) } })

    it('opens the account by the link, and not before', async () => {
      const email = somebody()
      const answer = await register(email, goodPassword, { name: 'Buy http://evil.example now', locale: 'de' })
      assert.deepEqual([answer.status, answer.body], [202, { status: 'verification_required' }])
      const [mail] = await mailTo(flow.server, email)
      assert.deepEqual([mail!.template, mail!.locale, mail!.name], ['verify-email', 'de', undefined])
      const early = await logIn(flow.server, email)
      assert.equal(problem(early), '401 invalid_credentials')
      assert.match(early.body.detail, /or the address is not verified yet: open the link that was mailed/)
      assert.equal((await verify(mail!)).status, 204)
      const login = await logIn(flow.server, email)
      assert.deepEqual([login.status, login.body.user.status], [200, 'active'])
    })

    it('lets the newest registration of an unconfirmed address replace the older one, link and password', async () => {
      const email = somebody()
      await register(email, 'first engine of brass')
      const [first] = await mailTo(flow.server, email)
      flow.server.clock.advance(second)
      await register(email, 'second engine of steam', { name: 'Second' })
      const [second_] = await mailTo(flow.server, email)
      assert.equal(problem(await verify(first!)), '400 invalid_one_time_token')
      assert.equal((await verify(second_!)).status, 204)
      assert.equal(
        problem(await logIn(flow.server, email, { password: 'first engine of brass' })),
        '401 invalid_credentials',
      )
      const login = await logIn(flow.server, email, { password: 'second engine of steam' })
      assert.deepEqual([login.status, login.body.user.name], [200, 'Second'])
    })

    it('leaves nothing of the older registration behind, no other link and no session', async () => {
      const email = somebody()
      await register(email)
      // What answers leave behind is done in no certain order.
      await mailTo(flow.server, email)
      await flow.server.call('POST', '/v1/auth/forgot-password', { body: { email } })
      // By its name: two mails of one millisecond have no order.
      const reset = (await mailTo(flow.server, email)).find(({ template }) => template === 'reset-password')
      const { app, clock } = flow.server
      const device = { ip: null, userAgent: null, name: null }
      const { id } = await app.database.db
        .selectFrom('users')
        .select('id')
        .where('email', '=', email)
        .executeTakeFirstOrThrow()
      const life = { idle: hour, absolute: hour }
      await inTransaction(app.database, (tx) => startSession(tx, id, device, life, clock.now()))
      clock.advance(second)
      await register(email, 'second engine of steam')
      await mailTo(flow.server, email)
      const body = { token: tokenIn(reset!), new_password: newPassword }
      const late = await flow.server.call('POST', '/v1/auth/reset-password', { body })
      assert.equal(problem(late), '400 invalid_one_time_token')
      const [session] = await sessionsOf(flow.server, id)
      assert.equal(session!.end_reason, 'password_changed')
    })

    it('replaces nobody whose address is verified, though the account waits for something else', async () => {
      const email = somebody()
      await register(email)
      await mailTo(flow.server, email)
      const { db } = flow.server.app.database
      await db.updateTable('users').set({ email_verified: 1 }).where('email', '=', email).execute()
      flow.server.clock.advance(second)
      await register(email, 'second engine of steam')
      assert.equal((await mailTo(flow.server, email))[0]!.template, 'address-in-use')
    })

    it('answers alike for new, pending, verified, disabled and invited addresses, and tells the owner by mail', async () => {
      const [fresh, pending, verified, disabled, invited] = [1, 2, 3, 4, 5].map(somebody) as string[]
      const { token } = await administrator(flow.server)
      for (const email of [pending, verified, disabled]) await register(email!)
      for (const email of [verified, disabled]) await verify((await mailTo(flow.server, email!))[0]!)
      const { id } = (await logIn(flow.server, disabled!)).body.user
      await flow.server.call('POST', `/v1/admin/users/${id}/disable`, { token })
      await flow.server.call('POST', '/v1/admin/users', { token, body: { email: invited, roles: ['editor'] } })
      flow.server.clock.advance(second)
      const all = [fresh!, pending!, verified!, disabled!, invited!]
      const shapes = []
      for (const email of all) shapes.push(shapeOf(await register(email, 'a stranger in the night')))
      assert.equal(new Set(shapes).size, 1, shapes.join('\n'))
      const newest = await Promise.all(all.map(async (email) => (await mailTo(flow.server, email))[0]!.template))
      assert.deepEqual(newest, ['verify-email', 'verify-email', 'address-in-use', 'address-in-use', 'address-in-use'])
      assert.equal((await logIn(flow.server, verified!)).status, 200)
      assert.equal(
        problem(await logIn(flow.server, verified!, { password: 'a stranger in the night' })),
        '401 invalid_credentials',
      )
    })

    it('makes one account of eight registrations at once', async () => {
      const email = somebody()
      const answers = await Promise.all(Array.from({ length: 8 }, () => register(email)))
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]))
      await mailTo(flow.server, email)
      const { db } = flow.server.app.database
      const rows = await db.selectFrom('users').select('id').where('email', '=', email).execute()
      assert.equal(rows.length, 1)
    })

    it('is active again when it was disabled and enabled, though nobody has verified its address', async () => {
      const email = somebody()
      const wanted = { email, name: null, locale: null, roles: [], emailVerified: false }
      const { user } = await createUserFor(flow.server.app, operatorAct, wanted, goodPassword)
      assert.equal((await logIn(flow.server, email)).status, 200)
      const { token } = await administrator(flow.server)
      for (const act of ['disable', 'enable'])
        await flow.server.call('POST', `/v1/admin/users/${user.id}/${act}`, { token })
      assert.equal((await logIn(flow.server, email)).status, 200)
    })

    it('stays pending when it was disabled and enabled before it was verified', async () => {
      const email = somebody()
      await register(email)
      await mailTo(flow.server, email)
      const { token } = await administrator(flow.server)
      const { items } = (await flow.server.call('GET', `/v1/admin/users?q=${email}`, { token })).body
      for (const act of ['disable', 'enable'])
        await flow.server.call('POST', `/v1/admin/users/${items[0].id}/${act}`, { token })
      assert.equal(problem(await logIn(flow.server, email)), '401 invalid_credentials')
      const body = { email_verified: true }
      await flow.server.call('PATCH', `/v1/admin/users/${items[0].id}`, { token, body })
      assert.equal((await logIn(flow.server, email)).status, 200)
    })

    it('answers forgot, resend, login, verify and reset alike, whatever the address or token', async () => {
      const [pending, verified, unknown] = [somebody(), somebody(), somebody()]
      for (const email of [pending, verified]) await register(email)
      await verify((await mailTo(flow.server, verified))[0]!)
      const same = async (path: string, bodies: object[]) => {
        const shapes = []
        for (const body of bodies) shapes.push(shapeOf(await flow.server.call('POST', path, { body })))
        assert.equal(new Set(shapes).size, 1, `${path}\n${shapes.join('\n')}`)
      }
      const emails = [pending, verified, unknown].map((email) => ({ email }))
      await same('/v1/auth/forgot-password', emails)
      await same('/v1/auth/verify-email/resend', emails)
      await same(
        '/v1/auth/login',
        emails.map((each) => ({ ...each, password: 'not the password' })),
      )
      const [reset] = await mailTo(flow.server, verified)
      const tokens = ['x', 'ntto_', `ntto_${'A'.repeat(43)}`].map((token) => ({ token }))
      await same('/v1/auth/verify-email', [...tokens, { token: tokenIn(reset!) }])
      await same(
        '/v1/auth/reset-password',
        tokens.map((each) => ({ ...each, new_password: newPassword })),
      )
    })
  },
  { settings: { EMAIL_VERIFICATION: 'required' } },
)

/** An answer, without what is another for every request. */
function shapeOf({ status, headers, text }: { status: number; headers: Headers; text: string }): string {
  const value = (name: string) => headers.get(name) ?? ''
  // The id of a request is longer or shorter, for reasons of its own.
  const length = Number(value('content-length')) - value('x-request-id').length
  const own = ['date', 'x-request-id', 'content-length']
  const kept = [...headers].filter(([name]) => !own.includes(name)).concat([['length', String(length)]])
  return JSON.stringify([status, kept, text.replaceAll(value('x-request-id'), 'ID')])
}

describeQuickFlow('where a mail server is set', (flow) => {
  const mailing = withSink(flow, { APP_URL: 'https://app.example.com' })

  it('an invitation and a reset by an administrator are mailed, and their links are in no answer', async () => {
    const { token } = await administrator(mailing.node)
    const email = somebody()
    const made = await mailing.node.call('POST', '/v1/admin/users', { token, body: { email, name: 'Ada' } })
    assert.deepEqual([made.status, made.body.invitation, made.body.status], [201, null, 'pending'])
    const reset = await mailing.node.call('POST', `/v1/admin/users/${made.body.id}/reset-password`, { token })
    assert.deepEqual([reset.status, reset.body], [202, { status: 'mailed' }])
    await eventually(() => mailing.sink.received.filter(({ to }) => to[0] === email).length === 2)
    const mails = mailing.sink.received.filter(({ to }) => to[0] === email).map(({ raw }) => partsOf(raw).text)
    for (const text of mails) assert.match(text, /^https:\/\/app\.example\.com\/reset-password#token=ntto_/m)
    assert.match(mails[0]!, /Hello Ada,/)
  })

  it('whoever registers is asked to verify, though nothing waits for it', async () => {
    const { email } = await registerSomebody(mailing.node, somebody())
    await eventually(() =>
      mailing.sink.received.some(({ to, raw }) => to[0] === email && /Confirm your e-mail/.test(raw)),
    )
  })
})

describeQuickFlow('our own pages', (flow) => {
  const open = (path: string, headers = {}) => fetch(`${flow.server.address}${path}`, { headers })
  const submit = (path: string, form: Record<string, string>) =>
    fetch(`${flow.server.address}${path}`, { method: 'POST', body: new URLSearchParams(form) })
  const linkTo = async (email: string) => new URL((await mailTo(flow.server, email))[0]!.link)

  it('finish a reset without a script: opening changes nothing, the form does, once', async () => {
    const { email } = await registerSomebody(flow.server, somebody())
    await flow.server.call('POST', '/v1/auth/forgot-password', { body: { email } })
    const { pathname, search, searchParams } = await linkTo(email)
    const token = searchParams.get('token')!
    for (let opened = 0; opened < 3; opened++) {
      const answer = await open(pathname + search)
      const page = await answer.text()
      assert.equal(answer.status, 200)
      assertAccessible(page, 'en')
      assert.ok(page.includes(`name="token" value="${token}"`))
      assert.equal(answer.headers.get('referrer-policy'), 'no-referrer')
      assert.equal(answer.headers.get('cache-control'), 'no-store')
      assert.equal(answer.headers.get('cross-origin-opener-policy'), 'same-origin')
      assert.match(page, /<input id="new_password" name="new_password" type="password" autocomplete="new-password"/)
      assert.doesNotMatch(page, /<script|onpaste|\son[a-z]+=/)
      assert.match(
        answer.headers.get('content-security-policy')!,
        /^default-src 'none'; style-src 'sha256-[^;]+; form-action 'self'/,
      )
    }
    const weak = await submit(pathname, { token, new_password: 'short' })
    assert.equal(weak.status, 422)
    const again = await weak.text()
    assertAccessible(again, 'en')
    assert.match(again, /aria-invalid="true" aria-describedby="complaint"/)
    const good = await submit(pathname, { token, new_password: newPassword })
    assert.deepEqual([good.status, /role="status"/.test(await good.text())], [200, true])
    assert.equal((await logIn(flow.server, email, { password: newPassword })).status, 200)
    const used = await submit(pathname, { token, new_password: 'one more engine of gold' })
    assert.equal(used.status, 400)
    assert.match(await used.text(), /role="alert"/)
    assert.doesNotMatch(JSON.stringify(flow.server.log.filter(({ event }) => event !== 'mail_kept')), /ntto_/)
  })

  it('verify and confirm an address', async () => {
    const { email, access_token } = await registerSomebody(flow.server, somebody())
    await flow.server.call('POST', '/v1/auth/verify-email/resend', { body: { email } })
    const verification = await linkTo(email)
    assertAccessible(await (await open(verification.pathname + verification.search)).text(), 'en')
    const token = verification.searchParams.get('token')!
    assert.equal((await submit(verification.pathname, { token })).status, 200)
    assert.equal((await submit(verification.pathname, { token })).status, 400)
    const newEmail = somebody()
    await flow.server.call('POST', '/v1/users/me/email', {
      token: access_token,
      body: { new_email: newEmail, password: goodPassword },
    })
    const confirm = await linkTo(newEmail)
    assert.equal((await submit(confirm.pathname, { token: confirm.searchParams.get('token')! })).status, 200)
    assert.equal((await logIn(flow.server, newEmail)).status, 200)
  })

  it('answer a browser in pages, whatever was wrong, with a way to go on', async () => {
    const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
    const { email } = await registerSomebody(flow.server, somebody())
    await flow.server.call('POST', '/v1/auth/forgot-password', { body: { email } })
    const { pathname, search, searchParams } = await linkTo(email)
    const token = searchParams.get('token')!
    const added = await open(`${pathname}${search}&utm_source=mail&utm_source=twice`)
    assert.equal(added.status, 200)
    assert.ok((await added.text()).includes(`name="token" value="${token}"`))

    const trouble = async (form: Record<string, string>, path = pathname) => {
      const body = new URLSearchParams(form)
      const answer = await fetch(`${flow.server.address}${path}`, { method: 'POST', headers: browser, body })
      const page = await answer.text()
      assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8')
      assert.match(answer.headers.get('content-security-policy')!, /form-action 'self'/)
      assertAccessible(page, 'en')
      const says = /<p role="alert" id="complaint">([^<]+)</.exec(page)?.[1]
      return [answer.status, says, page.includes(`name="token" value="${token}"`)]
    }
    const [empty, long] = ['Choose a password first.', 'This password is too long: use at most 256 characters.']
    const signs = 'This password has a character that cannot be typed everywhere, such as a tab. Choose another.'
    const noGood = /^This link is no good/
    assert.deepEqual(await trouble({ token, new_password: '' }), [422, empty, true])
    assert.deepEqual(await trouble({ token }), [422, empty, true])
    assert.deepEqual(await trouble({ token, new_password: 'word '.repeat(60) }), [422, long, true])
    assert.deepEqual(await trouble({ token, new_password: 'word '.repeat(300) }), [422, long, true])
    assert.deepEqual(await trouble({ token, new_password: 'a quiet\tengine of silk' }), [422, signs, true])
    assert.deepEqual((await trouble({ token, new_password: 'qwertyuiop' }))[0], 422)
    const cutOff = { token: 'cut off', new_password: newPassword }
    for (const form of [{}, { token: '' }, { new_password: newPassword }, cutOff]) {
      const [status, says] = await trouble(form as Record<string, string>)
      assert.equal(status, form === cutOff ? 400 : 422)
      assert.match(String(says), noGood)
    }
    assert.match(String((await trouble({ token: 'x'.repeat(3_000_000) }))[1]), /^This did not work\. Open the link/)
    const bare = await open(pathname, browser)
    assert.deepEqual([bare.status, bare.headers.get('content-type')], [422, 'text/html; charset=utf-8'])
    assert.match(await bare.text(), /This link is no good/)
    // Programs are answered as everywhere else.
    assert.match((await open(pathname)).headers.get('content-type')!, /^application\/problem\+json/)
    assert.equal((await submit(pathname, { token, new_password: newPassword })).status, 200, 'and the link still works')
  })

  it('tell a browser that something hangs on the address of a form, in a page whose form works', async () => {
    const { email } = await registerSomebody(flow.server, somebody())
    await flow.server.call('POST', '/v1/auth/forgot-password', { body: { email } })
    const { pathname, searchParams } = await linkTo(email)
    const token = searchParams.get('token')!
    for (const [path, form] of [
      ['/verify-email', { token }],
      ['/confirm-email', { token }],
      [pathname, { token, new_password: newPassword }],
    ] as const) {
      const answer = await fetch(`${flow.server.address}${path}?utm_source=mail`, {
        method: 'POST',
        headers: { accept: 'text/html' },
        body: new URLSearchParams(form),
      })
      const page = await answer.text()
      assert.deepEqual([answer.status, answer.headers.get('content-type')], [422, 'text/html; charset=utf-8'], path)
      assertAccessible(page, 'en')
      assert.match(page, /This did not work\. Open the link/)
      assert.ok(page.includes(`action="${path.slice(1)}"`) && page.includes(`name="token" value="${token}"`))
    }
    assert.equal((await submit(pathname, { token, new_password: newPassword })).status, 200, 'nothing was used up')
  })

  it('tell a browser that came too often how long to wait, and keep its link', async () => {
    const limited = await startTestServer(flow.url, { clock: flow.server.clock, settings: { RATE_LIMITS: 'on' } })
    try {
      const token = `ntto_${'A'.repeat(43)}`
      const headers = { accept: 'text/html' }
      let answer: Response
      for (let tries = 0; ; tries++) {
        const body = new URLSearchParams({ token })
        answer = await fetch(`${limited.address}/verify-email`, { method: 'POST', headers, body })
        if (answer.status === 429) break
        assert.ok(tries < 500)
        await answer.text()
      }
      const page = await answer.text()
      assertAccessible(page, 'en')
      const wait = answer.headers.get('retry-after')
      assert.ok(page.includes(`Wait ${wait} seconds`))
      assert.ok(page.includes(`name="token" value="${token}"`))
    } finally {
      await limited.close()
    }
  })

  it('speak German to who asks for it, and show nothing that was not escaped', async () => {
    const token = encodeURIComponent('"><script>alert(1)</script>')
    const page = await (await open(`/verify-email?token=${token}`, { 'accept-language': 'de-CH,de;q=0.9' })).text()
    assertAccessible(page, 'de')
    assert.doesNotMatch(page, /<script/)
  })
})

test('a page speaks the language that a browser likes best', () => {
  for (const [header, expected] of [
    [undefined, 'en'],
    ['', 'en'],
    ['de', 'de'],
    ['DE-at', 'de'],
    ['fr', 'en'],
    ['fr;q=0.1, de', 'de'],
    ['fr, de;q=0.8', 'de'],
    ['en, de', 'en'],
    ['de, en', 'de'],
    ['en;q=0.5, de;q=0.9', 'de'],
    ['de;q=0.5,en;q=0.9', 'en'],
    ['de;q=0', 'en'],
    ['de;q=nonsense', 'en'],
    ['*, de;q=0.5', 'en'],
    ['den', 'en'],
  ] as const) {
    assert.equal(languageFrom(header), expected, header)
  }
})

/** What a tool would complain of first: language, title, one heading, a landmark, a name for every control. */
function assertAccessible(page: string, language: string): void {
  assert.match(page, new RegExp(`^<!doctype html>\n<html lang="${language}">`))
  assert.match(page, /<title>[^<]+<\/title>/)
  assert.equal(page.match(/<h1>/g)?.length, 1)
  assert.match(page, /<main>[\s\S]+<\/main>/)
  assert.match(page, /name="viewport" content="width=device-width, initial-scale=1"/)
  for (const [, id] of page.matchAll(/<input id="([^"]+)"/g)) assert.ok(page.includes(`<label for="${id}">`), id)
  for (const [field] of page.matchAll(/<input (?!id=)[^>]*>/g)) assert.match(field, /type="hidden"/)
  for (const [, words] of page.matchAll(/<button type="submit">([^<]*)<\/button>/g)) assert.ok(words)
  assert.doesNotMatch(page, /<script|https?:\/\/| on\w+=/)
}
