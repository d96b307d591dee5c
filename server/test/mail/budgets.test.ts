import assert from 'node:assert/strict'
import { it } from 'node:test'
import { leftAloneFor } from '../../src/domain/links/create.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { startPasswordReset } from '../../src/flows/start-password-reset.ts'
import { describeQuickFlow, hour, logIn, minute, problem, refresh, second } from '../flows/flow-server.ts'
import { mailTo, tokenIn } from '../flows/kept-mail.ts'
import { goodPassword, registerSomebody } from '../support/server.ts'
import { withSink } from '../support/with-sink.ts'

let people = 0
const somebody = () => `budget-${++people}@example.com`
const evil = 'Dear customer, log in at https://evil.example/login'
const newPassword = 'a quieter engine of silk'

describeQuickFlow('mail that strangers cause', (flow) => {
  const post = (path: string, body: object, token?: string, headers = {}) =>
    flow.server.call('POST', path, { body, headers, ...(token !== undefined && { token }) })
  const forgot = (email: string) => post('/v1/auth/forgot-password', { email })
  const templatesTo = async (email: string) => (await mailTo(flow.server, email)).map(({ template }) => template)
  const reset = async (token: string) => problem(await post('/v1/auth/reset-password', { token, new_password: 'x' }))
  const [good, dead] = ['422 password_too_short', '400 invalid_one_time_token']
  const withName = (email: string, name: string) =>
    post('/v1/auth/register', { email, password: goodPassword, device_name: name })

  it('does not keep the owner from a reset link, whatever was written to the address before', async () => {
    const owner = await registerSomebody(flow.server, somebody())
    const stranger = await registerSomebody(flow.server, somebody())
    for (let asked = 0; asked < 12; asked++) {
      const body = { new_email: owner.email, password: goodPassword }
      assert.equal((await post('/v1/users/me/email', body, stranger.access_token)).status, 202)
    }
    for (let login = 0; login < 12; login++) {
      await post('/v1/auth/login', { email: owner.email, password: goodPassword }, undefined, {
        'user-agent': `program ${login}`,
      })
    }
    assert.equal((await mailTo(flow.server, owner.email)).length, 20)
    assert.equal((await forgot(owner.email)).status, 202)
    const [link] = await mailTo(flow.server, owner.email)
    assert.deepEqual([link!.template, await reset(tokenIn(link!))], ['reset-password', good])
  })

  it('leaves a link alone that the owner was sent a moment ago, and answers every asking alike', async () => {
    const { email } = await registerSomebody(flow.server, somebody())
    const answers = []
    for (let asked = 0; asked < 12; asked++) answers.push((await forgot(email)).text)
    assert.equal(new Set(answers).size, 1)
    const [first, ...more] = await mailTo(flow.server, email)
    assert.deepEqual([more.length, await reset(tokenIn(first!))], [0, good])
    flow.server.clock.advance(leftAloneFor - minute)
    await forgot(email)
    assert.deepEqual([(await templatesTo(email)).length, await reset(tokenIn(first!))], [1, good])
    flow.server.clock.advance(minute)
    await forgot(email)
    const [second_] = await mailTo(flow.server, email)
    assert.deepEqual([await reset(tokenIn(first!)), await reset(tokenIn(second_!))], [dead, good])
  })

  it('leaves alone what an operator handed over, though the next link by mail goes out', async () => {
    const { email, user } = await registerSomebody(flow.server, somebody())
    const handed = await startPasswordReset(flow.server.app, operatorAct, user.id)
    await forgot(email)
    const [mailed] = await mailTo(flow.server, email)
    assert.deepEqual([await reset(handed!.token), await reset(tokenIn(mailed!))], [good, good])
    flow.server.clock.advance(second)
    const newer = await startPasswordReset(flow.server.app, operatorAct, user.id)
    assert.deepEqual(
      [await reset(handed!.token), await reset(tokenIn(mailed!)), await reset(newer!.token)],
      [dead, dead, good],
    )
  })

  it('says nothing of its own to an address that nobody has confirmed', async () => {
    const email = somebody()
    const { access_token, refresh_token } = (await withName(email, 'laptop')).body
    for (let login = 0; login < 15; login++) {
      await post('/v1/auth/login', { email, password: goodPassword, device_name: evil }, undefined, {
        'user-agent': `${evil} ${login}`,
      })
    }
    const body = { new_email: `log-in-at.evil.example@example.com`, password: goodPassword }
    await post('/v1/users/me/email', body, access_token)
    await mailTo(flow.server, email)
    await refresh(flow.server, refresh_token, 'key-of-one-token-AAAA')
    await refresh(flow.server, refresh_token, 'key-of-one-token-BBBB')
    const mails = await mailTo(flow.server, email)
    assert.doesNotMatch(JSON.stringify(mails), /evil/)
    assert.deepEqual(
      new Set(mails.map(({ template }) => template)),
      new Set(['new-device', 'email-change-started', 'session-ended']),
    )
    assert.equal(mails.filter(({ template }) => template === 'new-device').length, 10)
  })

  it('names devices and addresses to who has confirmed its own', async () => {
    const { email, user, access_token } = await registerSomebody(flow.server, somebody())
    const { db } = flow.server.app.database
    await db.updateTable('users').set({ email_verified: 1 }).where('id', '=', user.id).execute()
    await post('/v1/auth/login', { email, password: goodPassword, device_name: 'my phone' }, undefined, {
      'user-agent': 'phone',
    })
    const [mail] = await mailTo(flow.server, email)
    assert.deepEqual([mail!.template, mail!.device], ['new-device', 'my phone'])
    const newEmail = somebody()
    await post('/v1/users/me/email', { new_email: newEmail, password: goodPassword }, access_token)
    const told = (await mailTo(flow.server, email)).find(({ template }) => template === 'email-change-started')
    assert.equal(told!.new_email, newEmail)
  })

  it('goes ten times an hour to one address for each kind of notice, and the others still go', async () => {
    const { email, refresh_token } = await registerSomebody(flow.server, somebody())
    let token = refresh_token
    for (let stolen = 0; stolen < 12; stolen++) {
      await refresh(flow.server, token, 'key-of-one-token-AAAA')
      await refresh(flow.server, token, 'key-of-one-token-BBBB')
      token = (await logIn(flow.server, email)).body.refresh_token
    }
    assert.deepEqual(await templatesTo(email), Array(10).fill('session-ended'))
    const { access_token } = (await logIn(flow.server, email)).body
    await post('/v1/users/me/password', { current_password: goodPassword, new_password: newPassword }, access_token)
    assert.equal(
      (await mailTo(flow.server, email)).some(({ template }) => template === 'password-changed'),
      true,
    )
  })

  it('is counted on through a deletion, and one last mail tells of that', async () => {
    const email = somebody()
    for (let left = 0; left < 12; left++) {
      const { access_token } = await registerSomebody(flow.server, email)
      await post('/v1/auth/login', { email, password: goodPassword }, undefined, { 'user-agent': `p${left}` })
      const answer = await flow.server.call('DELETE', '/v1/users/me', {
        token: access_token,
        body: { password: goodPassword },
      })
      assert.equal(answer.status, 204)
    }
    // Of those before the last nothing is readable any more.
    assert.deepEqual(await templatesTo(email), [])
    flow.server.clock.advance(hour + second)
    const { access_token } = await registerSomebody(flow.server, email)
    await flow.server.call('DELETE', '/v1/users/me', { token: access_token, body: { password: goodPassword } })
    const [last, ...others] = await mailTo(flow.server, email)
    assert.deepEqual([last!.template, others.length], ['account-deleted', 0])
    const { db } = flow.server.app.database
    const sent = await db.selectFrom('outbox').select('id').where('template', '=', 'new-device').execute()
    assert.ok(sent.length > 0)
  })
})

describeQuickFlow(
  'mail to an address that must be confirmed',
  (flow) => {
    const post = (path: string, body: object) => flow.server.call('POST', path, { body })
    const register = (email: string, password = goodPassword) => post('/v1/auth/register', { email, password })
    const resend = (email: string) => post('/v1/auth/verify-email/resend', { email })

    it('comes to its owner though strangers have registered the address before, and opens what the owner chose', async () => {
      const email = somebody()
      for (let stranger = 0; stranger < 11; stranger++) {
        assert.equal((await register(email, 'a stranger in the night')).status, 202)
        await mailTo(flow.server, email)
      }
      await register(email, newPassword)
      await mailTo(flow.server, email)
      assert.equal((await resend(email)).status, 202)
      const [link] = await mailTo(flow.server, email)
      assert.equal((await post('/v1/auth/verify-email', { token: tokenIn(link!) })).status, 204)
      assert.equal((await logIn(flow.server, email, { password: newPassword })).status, 200)
    })

    it('does not keep the owner of an account from a reset link, however often strangers register the address', async () => {
      const email = somebody()
      await register(email)
      const [link] = await mailTo(flow.server, email)
      await post('/v1/auth/verify-email', { token: tokenIn(link!) })
      for (let stranger = 0; stranger < 12; stranger++) await register(email, 'a stranger in the night')
      const told = (await mailTo(flow.server, email)).filter(({ template }) => template === 'address-in-use')
      assert.equal(told.length, 9, 'ten, with the first registration')
      await post('/v1/auth/forgot-password', { email })
      const found = (await mailTo(flow.server, email)).some(({ template }) => template === 'reset-password')
      assert.equal(found, true)
    })

    it('replaces a link by a newer one, but not within the first minutes', async () => {
      const email = somebody()
      await register(email)
      const [first] = await mailTo(flow.server, email)
      await resend(email)
      assert.equal((await mailTo(flow.server, email)).length, 1)
      flow.server.clock.advance(leftAloneFor)
      await resend(email)
      const [second_] = await mailTo(flow.server, email)
      const verify = async (token: string) => (await post('/v1/auth/verify-email', { token })).status
      assert.deepEqual([await verify(tokenIn(first!)), await verify(tokenIn(second_!))], [400, 204])
    })
  },
  { settings: { EMAIL_VERIFICATION: 'required' } },
)

describeQuickFlow('mail to an address that somebody registers and leaves again and again', (flow) => {
  const mailing = withSink(flow)

  it('asks it to confirm ten times an hour at most', async () => {
    const email = somebody()
    for (let left = 0; left < 14; left++) {
      const { access_token } = await registerSomebody(mailing.node, email)
      await mailing.node.call('DELETE', '/v1/users/me', { token: access_token, body: { password: goodPassword } })
    }
    const { db } = mailing.node.app.database
    const rows = await db
      .selectFrom('outbox')
      .select('template')
      .where('template', 'in', ['verify-email', 'account-deleted'])
      .execute()
    const count = (wanted: string) => rows.filter(({ template }) => template === wanted).length
    assert.deepEqual([count('verify-email'), count('account-deleted')], [10, 10])
  })
})
