import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { deleteAccounts } from '../../src/chores/delete-accounts.ts'
import { insertPassword } from '../../src/domain/passwords/store.ts'
import { insertUser } from '../../src/domain/users/store.ts'
import { deleteLapsedRegistrations } from '../../src/flows/delete-due-accounts.ts'
import { importUsers } from '../../src/flows/import-users.ts'
import { newId } from '../../src/random.ts'
import { userRow } from '../support/rows.ts'
import { goodPassword, registerSomebody, type TestServer } from '../support/server.ts'
import { administrator, day, describeQuickFlow, hour, logIn, problem, second } from './flow-server.ts'
import { mailTo, tokenIn } from './kept-mail.ts'

let people = 0
const somebody = () => `pending-${++people}@example.com`
const strange = 'a stranger in the night'

describeQuickFlow(
  'an account that waits for its address to be confirmed',
  (flow) => {
    /** The same database, by a server that does not ask for addresses to be confirmed. */
    let optional: TestServer
    before(async () => {
      optional = await flow.start({ settings: { EMAIL_VERIFICATION: 'optional' } })
    })
    after(() => optional.close())
    const register = (email: string, password = goodPassword, server = flow.server) =>
      server.call('POST', '/v1/auth/register', { body: { email, password } })
    const verify = (token: string) => flow.server.call('POST', '/v1/auth/verify-email', { body: { token } })
    const userAt = async (email: string) => {
      await mailTo(flow.server, email)
      const { db } = flow.server.app.database
      return db.selectFrom('users').selectAll().where('email', '=', email).executeTakeFirst()
    }
    /** A colleague registers, and an administrator takes the address for that colleague's already. */
    const promoted = async () => {
      const email = somebody()
      await register(email)
      const { id } = (await userAt(email))!
      const { token } = await administrator(flow.server)
      const body = { roles: ['admin'], metadata: { cleared: true } }
      assert.equal((await flow.server.call('PATCH', `/v1/admin/users/${id}`, { token, body })).status, 200)
      flow.server.clock.advance(second)
      return { email, id }
    }
    const imported = async (hash: boolean) => {
      const email = somebody()
      const row = userRow({ email, status: 'pending', roles: '["admin"]', metadata: '{"old":1}', name: 'Ada' })
      const { db } = flow.server.app.database
      await insertUser(db, row)
      if (hash) await insertPassword(db, row.id, 'an old hash', 1)
      return { email, id: row.id }
    }

    it('leaves nothing to whoever registers the address later, least of all what an administrator gave', async () => {
      const { email, id } = await promoted()
      await register(email, strange)
      const link = (await mailTo(flow.server, email))[0]!
      assert.equal((await verify(tokenIn(link))).status, 204)
      const { user } = (await logIn(flow.server, email, { password: strange })).body
      assert.deepEqual([user.roles, user.metadata, user.status], [[], {}, 'active'])
      assert.notEqual(user.id, id)
      const { db } = flow.server.app.database
      assert.deepEqual(await db.selectFrom('user_roles').selectAll().where('user_id', '=', id).execute(), [])
      assert.deepEqual(await db.selectFrom('passwords').selectAll().where('user_id', '=', id).execute(), [])
    })

    it('leaves nothing either where addresses need not be confirmed any more', async () => {
      const { email, id } = await promoted()
      const { status, body } = await register(email, strange, optional)
      assert.deepEqual([status, body.user.roles, body.user.metadata], [201, [], {}])
      assert.notEqual(body.user.id, id)
      assert.equal((await optional.call('GET', '/v1/admin/users', { token: body.access_token })).status, 403)
    })

    it('keeps what an administrator gave when its own link is opened', async () => {
      const { email } = await promoted()
      assert.equal((await verify(tokenIn((await mailTo(flow.server, email))[0]!))).status, 204)
      assert.deepEqual((await logIn(flow.server, email)).body.user.roles, ['admin'])
    })

    it('is in nobody’s reach when it was imported, with a password or without', async () => {
      for (const hash of [true, false]) {
        const { email, id } = await imported(hash)
        const former = await userAt(email)
        assert.equal(problem(await register(email, strange, optional)), '409 email_taken')
        await register(email, strange)
        assert.equal((await mailTo(flow.server, email))[0]!.template, 'address-in-use')
        assert.deepEqual(await userAt(email), former)
        assert.equal(former!.id, id)
      }
    })

    it('gives way to an administrator who makes a user there, and to one who moves a user there', async () => {
      const { token } = await administrator(flow.server)
      const [made, moved] = [somebody(), somebody()]
      for (const email of [made, moved]) await register(email, strange)
      for (const email of [made, moved]) await userAt(email)
      const answer = await flow.server.call('POST', '/v1/admin/users', { token, body: { email: made } })
      assert.equal(answer.status, 201, answer.text)
      const { user } = await registerSomebody(optional, somebody())
      const path = `/v1/admin/users/${user.id}`
      assert.equal((await flow.server.call('PATCH', path, { token, body: { email: moved } })).status, 200)
      for (const email of [made, moved]) {
        assert.equal(problem(await logIn(flow.server, email, { password: strange })), '401 invalid_credentials')
      }
      assert.equal((await userAt(moved))!.id, user.id)
    })

    it('gives way to an import, also in a rehearsal', async () => {
      const email = somebody()
      await register(email, strange)
      const { id: former } = (await userAt(email))!
      const id = newId(1_600_000_000_000)
      const user = { id, email, name: null, locale: null, roles: ['editor'], createdAt: 1_600_000_000_000 }
      const rows = [{ line: 1, user: { ...user, lastLoginAt: null, deletionDueAt: null }, hash: null }]
      for (const isDryRun of [true, false]) {
        const run = { id: 'run', startedAt: flow.server.clock.now(), isDryRun, onConflict: 'skip' as const }
        assert.equal((await importUsers(flow.server.app, run, rows))[0]!.outcome, 'created')
        assert.equal((await userAt(email))!.id, isDryRun ? former : id)
      }
    })

    it('is gone after a week without a confirmation, and neither an invitation, an import nor a confirmed one is', async () => {
      const { app, clock } = flow.server
      const [lapsed, asked, confirmed, invited] = [somebody(), somebody(), somebody(), somebody()]
      for (const email of [lapsed, asked, confirmed]) await register(email)
      assert.equal((await verify(tokenIn((await mailTo(flow.server, confirmed))[0]!))).status, 204)
      const { token } = await administrator(flow.server)
      await flow.server.call('POST', '/v1/admin/users', { token, body: { email: invited } })
      const { email: fromFile } = await imported(true)
      const { id } = (await userAt(lapsed))!
      clock.advance(6 * day)
      await flow.server.call('POST', '/v1/auth/verify-email/resend', { body: { email: asked } })
      await userAt(asked)
      await deleteAccounts(app)
      assert.ok(await userAt(lapsed))
      const count = () => [...app.meter.counted('ntt_auth_registrations_lapsed_total')][0]?.value ?? 0
      const before = count()
      const waiting = async () => {
        const { db } = app.database
        return (await db.selectFrom('users').select('id').where('unconfirmed_since', 'is not', null).execute()).length
      }
      clock.advance(day + second)
      const all = await waiting()
      await deleteAccounts(app)
      assert.equal(await userAt(lapsed), undefined)
      for (const email of [asked, confirmed, invited, fromFile]) assert.ok(await userAt(email), email)
      const { db } = app.database
      const lines = await db
        .selectFrom('audit_lines')
        .select(['event', 'reason'])
        .where('subject_id', '=', id)
        .execute()
      assert.deepEqual({ ...lines.at(-1) }, { event: 'user_deleted', reason: 'never_confirmed' })
      assert.deepEqual(await db.selectFrom('passwords').selectAll().where('user_id', '=', id).execute(), [])
      assert.equal(count() - before, all - (await waiting()))
    })

    it('stays when its address is confirmed, or another link asked for, while the chore is at it', async () => {
      const { app, clock } = flow.server
      const [asked, confirmed] = [somebody(), somebody()]
      await register(asked)
      await userAt(asked)
      clock.advance(6 * day + 12 * hour)
      await register(confirmed)
      await userAt(confirmed)
      const { db } = app.database
      await db.updateTable('users').set({ unconfirmed_since: 1 }).where('email', '=', confirmed).execute()
      clock.advance(day)
      let meanwhile = async () => {
        meanwhile = async () => {}
        await flow.server.call('POST', '/v1/auth/verify-email/resend', { body: { email: asked } })
        await userAt(asked)
        // Its link is older than a day by now.
        await db
          .updateTable('users')
          .set({ status: 'active', unconfirmed_since: null })
          .where('email', '=', confirmed)
          .execute()
      }
      await deleteLapsedRegistrations(app, async () => {
        await meanwhile()
        return true
      })
      assert.ok(await userAt(asked))
      assert.equal((await userAt(confirmed))!.status, 'active')
    })

    it('gives way to a user who changes its address to this one, and shows that it has it', async () => {
      const email = somebody()
      const one = await registerSomebody(optional, somebody())
      await register(email, strange)
      await userAt(email)
      const body = { new_email: email, password: goodPassword }
      await flow.server.call('POST', '/v1/users/me/email', { token: one.access_token, body })
      const confirm = (await mailTo(flow.server, email)).find(({ template }) => template === 'confirm-email')
      const path = '/v1/users/me/email/confirm'
      assert.equal((await flow.server.call('POST', path, { body: { token: tokenIn(confirm!) } })).status, 204)
      assert.equal((await userAt(email))!.id, one.user.id)
    })
  },
  { settings: { EMAIL_VERIFICATION: 'required' } },
)
