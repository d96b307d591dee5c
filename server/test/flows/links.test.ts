import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { inTransaction } from '../../src/database/transaction.ts'
import { insertSession } from '../../src/domain/sessions/store.ts'
import { takeUser } from '../../src/domain/users/take.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { disableUser, enableUser } from '../../src/flows/disable-user.ts'
import { startPasswordReset } from '../../src/flows/start-password-reset.ts'
import { newId } from '../../src/random.ts'
import { sessionRow } from '../support/rows.ts'
import { goodPassword, registerSomebody } from '../support/server.ts'
import { describeQuickFlow, hour, logIn, problem, sessionOf } from './flow-server.ts'

const newPassword = 'a quieter engine of silk'

describeQuickFlow('a one-time link', (flow) => {
  const linkFor = async (id: string) => (await startPasswordReset(flow.server.app, operatorAct, id))!.token
  const reset = (token: string) =>
    flow.server.call('POST', '/v1/auth/reset-password', { body: { token, new_password: newPassword } })
  const rowsOf = (id: string) =>
    flow.server.app.database.db.selectFrom('one_time_tokens').selectAll().where('user_id', '=', id).execute()

  it('dies with the password: who changes it has no use for a link, and who holds one may be a thief', async () => {
    const { server } = flow
    const one = await registerSomebody(server)
    const other = await registerSomebody(server)
    const [link, theirs] = [await linkFor(one.user.id), await linkFor(other.user.id)]
    const body = { current_password: goodPassword, new_password: 'an engine of copper' }
    const wrong = { ...body, current_password: newPassword }
    const change = (sent: object) =>
      server.call('POST', '/v1/users/me/password', { token: one.access_token, body: sent })
    assert.equal(problem(await change(wrong)), '403 invalid_password')
    assert.equal((await rowsOf(one.user.id)).length, 1, 'a change that was refused leaves it')
    assert.equal((await change({ ...body, end_other_sessions: false })).status, 200)
    assert.deepEqual(await rowsOf(one.user.id), [])
    assert.equal(problem(await reset(link)), '400 invalid_one_time_token')
    assert.equal((await logIn(server, one.email, { password: 'an engine of copper' })).status, 200)
    assert.equal((await reset(theirs)).status, 204, 'those of others live on')
  })

  it('dies when the account is closed, and does not come back when it is opened again', async () => {
    const { server } = flow
    const one = await registerSomebody(server)
    const link = await linkFor(one.user.id)
    await disableUser(server.app, operatorAct, one.user.id)
    assert.deepEqual(await rowsOf(one.user.id), [])
    await enableUser(server.app, operatorAct, one.user.id)
    assert.equal(problem(await reset(link)), '400 invalid_one_time_token')
    assert.equal((await logIn(server, one.email)).status, 200)
    assert.equal((await reset(await linkFor(one.user.id))).status, 204)
  })

  it('is for the address it was made for, however the address changed', async () => {
    const { server } = flow
    const one = await registerSomebody(server)
    const link = await linkFor(one.user.id)
    const email = `moved-${one.email}`
    await server.app.database.db.updateTable('users').set({ email }).where('id', '=', one.user.id).execute()
    assert.equal(problem(await reset(link)), '400 invalid_one_time_token')
    assert.equal((await logIn(server, email)).status, 200)
    assert.equal((await rowsOf(one.user.id))[0]!.used_at, null)
  })

  it('ends also the session that the former password is opening at that moment', async () => {
    const { server } = flow
    const { app } = server
    const one = await registerSomebody(server)
    const link = await linkFor(one.user.id)
    const now = app.clock.now()
    const row = sessionRow({
      id: newId(now),
      user_id: one.user.id,
      created_at: now,
      idle_expires_at: now + hour,
      absolute_expires_at: now + hour,
    })
    const answer = await inTransaction(app.database, async (tx) => {
      // As a login does: the user's row first, the session behind it.
      await takeUser(tx, one.user.id)
      await insertSession(tx, row)
      const asked = reset(link)
      // Long enough for a reset that would not wait for the row. One that does gains nothing by it.
      await Promise.race([asked, delay(700)])
      return { asked }
    })
    assert.equal((await answer.asked).status, 204)
    assert.equal((await sessionOf(server, row.id)).end_reason, 'password_changed')
    assert.equal((await sessionOf(server, one.session_id)).end_reason, 'password_changed')
  })
})
