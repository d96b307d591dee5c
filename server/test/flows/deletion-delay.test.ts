import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { deleteAccounts } from '../../src/chores/delete-accounts.ts'
import { command } from '../../src/cli/users.ts'
import { takeLease } from '../../src/database/lease.ts'
import { deleteDueAccounts } from '../../src/flows/delete-due-accounts.ts'
import { newId } from '../../src/random.ts'
import { childServer } from '../support/child-server.ts'
import { testClock } from '../support/clock.ts'
import { onEachDatabase } from '../support/databases.ts'
import { userRow } from '../support/rows.ts'
import { runCommand } from '../support/run-command.ts'
import { goodPassword, registerSomebody, startTestServer, type TestServer, testMasterKey } from '../support/server.ts'
import {
  administrator,
  day,
  describeQuickFlow,
  eventually,
  footprint,
  hour,
  journalOf,
  logIn,
  minute,
  problem,
  refresh,
  sessionsOf,
  validate,
} from './flow-server.ts'
import { mailTo as keptMail, tokenIn } from './kept-mail.ts'

/** What is due is so by the clock of the database as well, and that is known to some milliseconds only (decision 0009). */
const sure = 1000
const rowOf = async (server: TestServer, id: string) =>
  server.app.database.db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
const remove = (server: TestServer, token: string, password = goodPassword) =>
  server.call('DELETE', '/v1/users/me', { token, body: { password } })

describeQuickFlow(
  'deleting with a delay',
  (flow) => {
    const now = () => flow.server.clock.now()
    const person = () => registerSomebody(flow.server)
    const linesOf = async (id: string) => {
      const { db } = flow.server.app.database
      const lines = await db.selectFrom('audit_lines').selectAll().where('subject_id', '=', id).execute()
      return lines.sort((one, other) => one.at - other.at)
    }
    const mailTo = async (email: string) =>
      (
        await flow.server.app.database.db
          .selectFrom('outbox')
          .select('template')
          .where('recipient', '=', email)
          .orderBy('id')
          .execute()
      ).map(({ template }) => template)

    it('makes a link worthless that was to confirm another address', async () => {
      const { server } = flow
      const one = await person()
      const newEmail = 'leaving.for@example.com'
      const body = { new_email: newEmail, password: goodPassword }
      await server.call('POST', '/v1/users/me/email', { token: one.access_token, body })
      const [confirm] = await keptMail(server, newEmail)
      assert.equal((await remove(server, one.access_token)).status, 202)
      const late = await server.call('POST', '/v1/users/me/email/confirm', { body: { token: tokenIn(confirm!) } })
      assert.equal(problem(late), '400 invalid_one_time_token')
    })

    it('ends every session at once, says until when the account stays, and keeps the rest', async () => {
      const { server } = flow
      const one = await person()
      const other = (await logIn(server, one.email)).body
      const answer = await remove(server, one.access_token)
      assert.equal(answer.status, 202)
      const due = Date.parse(answer.body.deletion_due_at)
      assert.ok(due > now() + 7 * day - minute && due <= now() + 7 * day)
      assert.deepEqual(Object.keys(answer.body), ['status', 'deletion_due_at'])
      assert.equal(answer.body.status, 'deletion_planned')
      for (const device of [one, other]) {
        assert.equal(problem(await validate(server, device.access_token)), '401 token_revoked')
        assert.equal(problem(await refresh(server, device.refresh_token)), '401 session_ended deleted')
      }
      assert.deepEqual(journalOf(server, one.user.id), ['user deleted'])
      const row = (await rowOf(server, one.user.id))!
      assert.deepEqual([row.deletion_due_at, row.status, row.email], [due, 'active', one.email])
      const { event, details } = (await linesOf(one.user.id)).at(-1)!
      assert.deepEqual(
        [event, JSON.parse(details)],
        ['user_deletion_requested', { due_at: new Date(due).toISOString() }],
      )
      assert.equal((await mailTo(one.email)).at(-1), 'deletion-planned')
      // The address stays taken meanwhile.
      const body = { email: one.email, password: goodPassword }
      assert.equal(problem(await server.call('POST', '/v1/auth/register', { body })), '409 email_taken')
    })

    it('a login with the right password keeps the account, and says so to the owner and in the audit log', async () => {
      const { server } = flow
      const one = await person()
      await remove(server, one.access_token)
      server.clock.advance(6 * day)
      const before = await rowOf(server, one.user.id)
      assert.equal(
        problem(await logIn(server, one.email, { password: 'not the right one' })),
        '401 invalid_credentials',
      )
      assert.deepEqual(await rowOf(server, one.user.id), before)
      const back = await logIn(server, one.email)
      assert.equal(back.status, 200)
      assert.equal('deletion_due_at' in back.body.user, false)
      assert.equal((await rowOf(server, one.user.id))!.deletion_due_at, null)
      assert.ok((await linesOf(one.user.id)).some(({ event }) => event === 'user_deletion_cancelled'))
      assert.equal((await mailTo(one.email)).filter((template) => template === 'deletion-cancelled').length, 1)
      server.clock.advance(2 * day)
      await deleteAccounts(server.app)
      assert.ok(await rowOf(server, one.user.id))
      // The sessions that ended stay ended, and another login has nothing to cancel.
      assert.equal(problem(await refresh(server, one.refresh_token)), '401 session_ended deleted')
      await logIn(server, one.email)
      assert.equal((await mailTo(one.email)).filter((template) => template === 'deletion-cancelled').length, 1)
    })

    it('is gone for good when it is due, not a moment earlier, with all that told about the person', async () => {
      const { server } = flow
      const email = 'forget.me.later@example.com'
      const { body } = await server.call('POST', '/v1/auth/register', {
        body: { email, password: goodPassword, name: 'Somebody Forgettable', device_name: 'Forgettable laptop' },
      })
      const { access_token, user } = body
      await remove(server, access_token)
      server.clock.advance(7 * day - minute)
      await deleteAccounts(server.app)
      assert.ok(await rowOf(server, user.id))
      assert.ok((await mailTo(email)).length > 0)
      server.clock.advance(minute + sure)
      await deleteAccounts(server.app)
      assert.equal(await rowOf(server, user.id), undefined)
      assert.equal(/forget/i.test(JSON.stringify(await footprint(server))), false)
      assert.deepEqual(await mailTo(email), [])
      const line = (await linesOf(user.id)).find(({ event }) => event === 'user_deleted')!
      assert.deepEqual([line.actor_kind, line.reason], ['system', 'deletion_delay'])
      const persons = server.app.database.db.selectFrom('audit_persons').selectAll().where('user_id', '=', user.id)
      assert.equal((await persons.executeTakeFirst())!.secret, null)
      assert.equal(problem(await logIn(server, email)), '401 invalid_credentials')
      assert.notEqual((await registerSomebody(server, email)).user.id, user.id)
    })

    it('one who comes back while the chore is at it stays whole, or is gone whole', async () => {
      const { server } = flow
      const other = await flow.start()
      try {
        for (let round = 0; round < 5; round++) {
          const one = await person()
          await remove(server, one.access_token)
          server.clock.advance(7 * day + sure)
          const [back] = await Promise.all([logIn(server, one.email), deleteAccounts(other.app)])
          const row = await rowOf(server, one.user.id)
          const alive = (await sessionsOf(server, one.user.id)).filter(({ ended_at }) => ended_at === null)
          if (back.status === 200) {
            assert.equal(row?.deletion_due_at, null)
            assert.equal(alive.length, 1)
          } else {
            assert.equal(problem(back), '401 invalid_credentials')
            assert.deepEqual([row, alive], [undefined, []])
          }
        }
      } finally {
        await other.close()
      }
    })

    it('of two nodes one deletes, and a lease that another holds is waited for', async () => {
      const { server } = flow
      const other = await flow.start()
      try {
        const people = await Promise.all(Array.from({ length: 8 }, person))
        for (const one of people) await remove(server, one.access_token)
        server.clock.advance(8 * day)
        const lease = { name: 'delete-accounts', owner: 'a third node', now: now(), duration: hour }
        assert.ok(await takeLease(server.app.database, lease))
        await deleteAccounts(server.app)
        for (const one of people) assert.ok(await rowOf(server, one.user.id))
        server.clock.advance(2 * hour)
        await Promise.all([deleteAccounts(server.app), deleteAccounts(other.app)])
        for (const one of people) {
          assert.equal(await rowOf(server, one.user.id), undefined)
          const gone = (await linesOf(one.user.id)).filter(({ event }) => event === 'user_deleted')
          assert.equal(gone.length, 1)
        }
      } finally {
        await other.close()
      }
    })

    it('a node whose clock is ahead of the database deletes nobody early', async () => {
      // SQLite has no clock but that of the node.
      if (flow.name === 'SQLite') return
      const one = await person()
      await remove(flow.server, one.access_token)
      const clock = testClock()
      clock.advance(now() - clock.now() + 30 * day)
      const ahead = await flow.start({ clock, databaseClock: flow.server.clock })
      try {
        await deleteAccounts(ahead.app)
        assert.ok(await rowOf(flow.server, one.user.id))
      } finally {
        await ahead.close()
      }
    })

    it('one account that cannot be deleted is reported, and does not keep the others', async () => {
      const { server } = flow
      const [stuck, free] = [await person(), await person()]
      for (const one of [stuck, free]) {
        await remove(server, one.access_token)
        server.clock.advance(1)
      }
      server.clock.advance(7 * day + sure)
      const { journal } = server.app
      const { append } = journal
      journal.append = (ends) => {
        if (ends.some(({ id }) => id === stuck.user.id)) throw new Error('no room')
        append(ends)
      }
      await assert.rejects(() => deleteAccounts(server.app), /cannot work just now/)
      journal.append = append
      assert.equal(await rowOf(server, free.user.id), undefined)
      await deleteAccounts(server.app)
    })

    it('who came back and left once more, while the chore was looking, has the new delay', async () => {
      const { server } = flow
      const one = await person()
      await remove(server, one.access_token)
      server.clock.advance(7 * day + sure)
      let due = ''
      const gone = await deleteDueAccounts(server.app, async () => {
        const { access_token } = (await logIn(server, one.email)).body
        due = (await remove(server, access_token)).body.deletion_due_at
        return true
      })
      assert.equal(gone, 0)
      assert.equal((await rowOf(server, one.user.id))!.deletion_due_at, Date.parse(due))
    })

    it('an administrator sees when, on every page and at the command line, and may delete at once', async () => {
      const { server } = flow
      const { token } = await administrator(server)
      const one = await person()
      const due = (await remove(server, one.access_token)).body.deletion_due_at
      const path = `/v1/admin/users/${one.user.id}`
      const read = (await server.call('GET', path, { token })).body
      assert.deepEqual([read.deletion_due_at, read.status], [due, 'active'])
      const listed = (await server.call('GET', `/v1/admin/users?q=${one.email}`, { token })).body.items
      assert.equal(listed[0].deletion_due_at, due)
      const env = {
        NTT_AUTH_DATABASE_URL: flow.url,
        NTT_AUTH_DATA_DIR: flow.dataDir,
        NTT_AUTH_MASTER_KEY: testMasterKey,
      }
      const shown = await runCommand(command, ['show', one.email], env)
      assert.match(shown.stdout, new RegExp(`^deletion_due_at +${due}$`, 'm'))
      const other = await person()
      assert.equal((await server.call('GET', `/v1/admin/users/${other.user.id}`, { token })).body.deletion_due_at, null)
      assert.equal((await server.call('DELETE', path, { token })).status, 204)
      assert.equal(await rowOf(server, one.user.id), undefined)
    })

    it('who is disabled meanwhile cannot keep the account, and it goes when it is due', async () => {
      const { server } = flow
      const { token } = await administrator(server)
      const one = await person()
      await remove(server, one.access_token)
      await server.call('POST', `/v1/admin/users/${one.user.id}/disable`, { token })
      assert.equal(problem(await logIn(server, one.email)), '403 account_disabled')
      assert.notEqual((await rowOf(server, one.user.id))!.deletion_due_at, null)
      server.clock.advance(7 * day + sure)
      await deleteAccounts(server.app)
      assert.equal(await rowOf(server, one.user.id), undefined)
    })

    it('who is about to be deleted does not count as an administrator', async () => {
      const { server } = flow
      await server.app.database.db.updateTable('users').set({ status: 'disabled' }).execute()
      const [root, next] = [await administrator(server), await administrator(server)]
      assert.equal((await remove(server, next.token)).status, 202)
      assert.equal(problem(await remove(server, root.token)), '409 last_admin')
      assert.equal((await rowOf(server, root.id))!.deletion_due_at, null)
      const disable = () => server.call('POST', `/v1/admin/users/${root.id}/disable`, { token: root.token })
      assert.equal(problem(await disable()), '409 last_admin')
      // Nor does its leaving wait for another: it was let go before.
      const third = await administrator(server)
      assert.equal((await remove(server, third.token)).status, 202)
      const { db } = server.app.database
      await db.updateTable('users').set({ deletion_due_at: 1 }).where('id', '=', third.id).execute()
      await db.updateTable('users').set({ status: 'disabled' }).where('id', '=', root.id).execute()
      await deleteAccounts(server.app)
      await db.updateTable('users').set({ status: 'active' }).where('id', '=', root.id).execute()
      assert.equal(await rowOf(server, third.id), undefined)
      // The one who left comes back, and counts again.
      await logIn(server, next.email)
      assert.equal((await remove(server, root.token)).status, 202)
      server.clock.advance(7 * day + sure)
      await deleteAccounts(server.app)
      assert.equal(await rowOf(server, root.id), undefined)
    })

    it('goes along in an export and comes back by an import', async () => {
      const { server } = flow
      const env = {
        NTT_AUTH_DATABASE_URL: flow.url,
        NTT_AUTH_DATA_DIR: flow.dataDir,
        NTT_AUTH_MASTER_KEY: testMasterKey,
      }
      const one = await person()
      const due = (await remove(server, one.access_token)).body.deletion_due_at
      const { stdout } = await runCommand(command, ['export', '--to', '-', '--with-password-hashes'], env)
      const row = stdout.split('\n').find((line) => line.includes(one.email))!
      assert.equal(JSON.parse(row).deletion_due_at, due)
      await server.app.database.db.deleteFrom('users').where('id', '=', one.user.id).execute()
      await server.app.database.db.deleteFrom('passwords').where('user_id', '=', one.user.id).execute()
      const file = join(flow.dataDir, 'again.ndjson')
      // The command goes by the real clock, and the test's is ahead.
      const { email, password_hash, deletion_due_at } = JSON.parse(row)
      writeFileSync(file, JSON.stringify({ email, password_hash, deletion_due_at }))
      assert.equal((await runCommand(command, ['import', file], env)).code, 0)
      const again = server.app.database.db.selectFrom('users').select('deletion_due_at').where('email', '=', email)
      assert.equal((await again.executeTakeFirst())!.deletion_due_at, Date.parse(due))
      assert.equal((await logIn(server, email)).status, 200)
      assert.equal((await again.executeTakeFirst())!.deletion_due_at, null)
    })
  },
  { settings: { DELETION_DELAY: '7d' } },
)

onEachDatabase((_name, url) => {
  describe('a node that is killed while it deletes what is due', () => {
    it('leaves whole accounts behind, and the next start takes the rest', async () => {
      const watcher = await startTestServer(url(), { clock: testClock() })
      const { db } = watcher.app.database
      const settings = { CLEANUP_INTERVAL: '1s', PASSWORD_HASH: 'argon2id' }
      const child = childServer({ databaseUrl: url(), masterKey: testMasterKey, settings })
      try {
        const rows = Array.from({ length: 120 }, (_, place) =>
          userRow({ id: newId(1_600_000_000_000), email: `due-${place}@example.com`, deletion_due_at: 1 + place }),
        )
        await db.insertInto('users').values(rows).execute()
        await db
          .insertInto('passwords')
          .values(rows.map(({ id }) => ({ user_id: id, hash: 'x', changed_at: 1 })))
          .execute()
        const left = async () => (await db.selectFrom('users').select('id').execute()).map(({ id }) => id)
        let kills = 0
        for (let before = 120; before > 0; ) {
          await child.start()
          await eventually(async () => (await left()).length < before, 60_000)
          if (kills < 3) await child.kill()
          else await eventually(async () => (await left()).length === 0, 60_000)
          kills++
          const ids = await left()
          before = ids.length
          // Account and password are there together, or neither; each that is gone has its line in the audit log, once.
          const passwords = (await db.selectFrom('passwords').select('user_id').execute()).map(({ user_id }) => user_id)
          assert.deepEqual(passwords.sort(), ids.sort())
          const lines = await db
            .selectFrom('audit_lines')
            .select('subject_id')
            .where('event', '=', 'user_deleted')
            .execute()
          const told = lines.map(({ subject_id }) => subject_id)
          assert.equal(new Set(told).size, told.length)
          assert.equal(told.length, 120 - before)
          // A dead node's lease would keep the next one for half a minute.
          await db.updateTable('leases').set({ expires_at: 0 }).where('name', '=', 'delete-accounts').execute()
        }
        assert.ok(kills > 1, 'it was never killed half-way')
      } finally {
        await child.remove()
        await watcher.close()
      }
    })
  })
})
