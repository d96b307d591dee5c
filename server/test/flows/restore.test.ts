import assert from 'node:assert/strict'
import { appendFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { systemAct } from '../../src/flows/acting.ts'
import { reapplyEnds } from '../../src/flows/reapply-ends.ts'
import { revokeToken } from '../../src/flows/revoke-token.ts'
import { newId } from '../../src/random.ts'
import { sessionRow } from '../support/rows.ts'
import { goodPassword, registerSomebody, type TestServer } from '../support/server.ts'
import {
  day,
  describeQuickFlow,
  eventually,
  footprint,
  hour,
  keyA,
  logIn,
  problem,
  refresh,
  second,
  validate,
} from './flow-server.ts'

describeQuickFlow('restore', (flow) => {
  const person = () => registerSomebody(flow.server)
  const logOut = (server: TestServer, refresh_token: string, scope = 'this') =>
    server.call('POST', '/v1/auth/logout', { body: { refresh_token, scope } })

  /** The database forgets that anything has ended, as one restored from a backup does. */
  async function goBack(): Promise<void> {
    const { db } = flow.server.app.database
    await db.updateTable('sessions').set({ ended_at: null, end_reason: null }).execute()
    await db.deleteFrom('revocations').execute()
  }

  /** Starts a server that has this one's journal, and stops it again. */
  async function restarted(check: (server: TestServer) => Promise<void>): Promise<void> {
    const server = await flow.start({ dataDir: flow.dataDir })
    try {
      await check(server)
    } finally {
      await server.close()
    }
  }

  const live = async () =>
    (await footprint(flow.server)).sessions.filter(({ ended_at }) => ended_at === null).map(({ id }) => id)

  it('ends again what had ended, for the same reason and at the same time, access tokens too', async () => {
    const { server } = flow
    const gone: { tokens: { access_token: string; refresh_token: string }; why: string }[] = []

    const out = await person()
    await logOut(server, out.refresh_token)
    gone.push({ tokens: out, why: 'logout' })

    const stays = await person()
    gone.push({ tokens: (await logIn(server, stays.email)).body, why: 'logout_others' })
    await logOut(server, stays.refresh_token, 'others')

    const all = await person()
    gone.push({ tokens: all, why: 'logout_all' }, { tokens: (await logIn(server, all.email)).body, why: 'logout_all' })
    await logOut(server, all.refresh_token, 'all')

    const robbed = await person()
    await refresh(server, robbed.refresh_token, keyA)
    await refresh(server, robbed.refresh_token)
    gone.push({ tokens: robbed, why: 'refresh_token_reuse' })

    const changed = await person()
    gone.push({ tokens: (await logIn(server, changed.email)).body, why: 'password_changed' })
    await server.call('POST', '/v1/users/me/password', {
      token: changed.access_token,
      body: { current_password: goodPassword, new_password: 'a quieter engine of silk' },
    })

    const deleted = await person()
    await server.call('DELETE', '/v1/users/me', { token: deleted.access_token, body: { password: goodPassword } })
    gone.push({ tokens: deleted, why: 'deleted' })

    const before = (await footprint(server)).sessions
    await goBack()
    await restarted(async (restored) => {
      for (const { tokens, why } of gone) {
        assert.equal(problem(await validate(restored, tokens.access_token)), '401 token_revoked', why)
        assert.equal(problem(await refresh(restored, tokens.refresh_token)), `401 session_ended ${why}`)
      }
      assert.deepEqual((await footprint(server)).sessions, before)
      for (const tokens of [stays, changed]) {
        assert.equal((await validate(restored, tokens.access_token)).status, 200)
        assert.equal((await refresh(restored, tokens.refresh_token, keyA)).status, 200)
      }
      assert.equal(restored.log.filter(({ event }) => event === 'ends_reapplied').length, 1)
    })
  })

  it('refuses again an access token that was revoked by itself, also behind many tokens that have expired', async () => {
    const { server } = flow
    const early = await person()
    await logOut(server, early.refresh_token)
    server.clock.advance(second)
    const old = server.clock.now() - 5 * hour
    const lapsed = Array.from({ length: 700 }, () => newId(old))
    server.app.journal.append(lapsed.map((id) => ({ kind: 'token', id, at: old, reason: 'revoked' })))
    const one = await person()
    await revokeToken(server.app, systemAct, one.access_token)
    const two = await person()
    const other = await flow.start()
    await revokeToken(other.app, systemAct, two.access_token)
    await other.close()
    // Whose answer was lost asks again, here: this node answers for it from now on.
    await eventually(async () => (await validate(server, two.access_token)).status === 401)
    await revokeToken(server.app, systemAct, two.access_token)
    assert.equal(problem(await validate(server, one.access_token)), '401 token_revoked')
    await goBack()
    await restarted(async (restored) => {
      for (const { access_token } of [one, two]) {
        assert.equal(problem(await validate(restored, access_token)), '401 token_revoked')
      }
      assert.equal(problem(await refresh(restored, early.refresh_token)), '401 session_ended logout')
      const next = await refresh(restored, one.refresh_token, keyA)
      assert.equal((await validate(restored, next.body.access_token)).status, 200)
      assert.equal(await reapplyEnds(restored.app), 0)
    })
    const row = await server.app.database.db
      .selectFrom('revocations')
      .selectAll()
      .where('kind', '=', 'token')
      .executeTakeFirstOrThrow()
    assert.ok(row.until_at >= server.clock.now() + hour)
  })

  it('does nothing where the database has not gone back', async () => {
    const one = await person()
    await logOut(flow.server, one.refresh_token)
    const before = await footprint(flow.server)
    assert.equal(await reapplyEnds(flow.server.app), 0)
    await restarted(async (server) => {
      assert.equal(
        server.log.some(({ event }) => event === 'ends_reapplied'),
        false,
      )
    })
    assert.deepEqual(await footprint(flow.server), before)
  })

  it('does it once: a second time nothing is left to do', async () => {
    const one = await person()
    await logOut(flow.server, one.refresh_token)
    await goBack()
    assert.ok((await reapplyEnds(flow.server.app)) > 0)
    const before = await footprint(flow.server)
    assert.equal(await reapplyEnds(flow.server.app), 0)
    assert.deepEqual(await footprint(flow.server), before)
  })

  it('leaves a session alone that was opened after the user had logged out everywhere', async () => {
    const one = await person()
    await logOut(flow.server, one.refresh_token, 'all')
    flow.server.clock.advance(2 * second)
    const later = (await logIn(flow.server, one.email)).body
    await goBack()
    await restarted(async (server) => {
      assert.equal(problem(await refresh(server, one.refresh_token)), '401 session_ended logout_all')
      assert.equal((await validate(server, later.access_token)).status, 200)
      assert.equal((await refresh(server, later.refresh_token)).status, 200)
    })
  })

  it('refuses the access token of an ended session that the restored database never knew', async () => {
    const one = await person()
    await logOut(flow.server, one.refresh_token)
    await goBack()
    await flow.server.app.database.db.deleteFrom('sessions').where('id', '=', one.session_id).execute()
    await restarted(async (server) => {
      assert.equal(problem(await validate(server, one.access_token)), '401 token_revoked')
      assert.equal(problem(await refresh(server, one.refresh_token)), '401 session_ended restored')
    })
  })

  it('finishes what a start did that was interrupted half-way', async () => {
    const { server } = flow
    const { app } = server
    const rows = Array.from({ length: 1200 }, () =>
      sessionRow({ created_at: app.clock.now(), absolute_expires_at: app.clock.now() + day }),
    )
    for (let start = 0; start < rows.length; start += 50) {
      await app.database.db
        .insertInto('sessions')
        .values(rows.slice(start, start + 50))
        .execute()
    }
    for (const { id } of rows) {
      server.clock.advance(1)
      app.journal.append([{ kind: 'session', id, at: app.clock.now(), reason: 'logout' }])
    }
    const { db } = app.database
    const { startTransaction } = db
    let transactions = 0
    db.startTransaction = () => {
      if (++transactions > 1) throw new Error('killed')
      return startTransaction.call(db)
    }
    try {
      await assert.rejects(reapplyEnds(app), /killed/)
    } finally {
      db.startTransaction = startTransaction
    }
    const left = new Set(await live())
    assert.ok(rows.some(({ id }) => left.has(id)) && rows.some(({ id }) => !left.has(id)))
    await reapplyEnds(app)
    const still = new Set(await live())
    assert.equal(rows.filter(({ id }) => still.has(id)).length, 0)
  })

  it('reaches an end behind hundreds of ends that the restored database never knew', async () => {
    const { server } = flow
    const one = await person()
    await logOut(server, one.refresh_token)
    server.clock.advance(second)
    const at = server.clock.now()
    const strangers = Array.from(
      { length: 1200 },
      () => ({ kind: 'session', id: newId(at), at, reason: 'logout' }) as const,
    )
    server.app.journal.append([...strangers])
    await goBack()
    await restarted(async (restored) => {
      assert.equal(problem(await refresh(restored, one.refresh_token)), '401 session_ended logout')
    })
  })

  it('reads the journals of several nodes and starts, of today and yesterday', async () => {
    const { server } = flow
    const [one, two, three] = [await person(), await person(), await person()]
    await logOut(server, one.refresh_token)
    await restarted(async (node) => void (await logOut(node, two.refresh_token)))
    server.clock.advance(day)
    await logOut(server, three.refresh_token)
    await goBack()
    await restarted(async (node) => {
      for (const each of [one, two, three]) {
        assert.equal(problem(await refresh(node, each.refresh_token)), '401 session_ended logout')
      }
    })
  })

  it('starts though the last line of the journal was cut short', async () => {
    const one = await person()
    await logOut(flow.server, one.refresh_token)
    const directory = join(flow.dataDir, 'journal')
    for (const file of readdirSync(directory)) appendFileSync(join(directory, file), '{"kind":"session","id":"0192')
    await goBack()
    await restarted(async (server) => {
      assert.equal(problem(await refresh(server, one.refresh_token)), '401 session_ended logout')
    })
    // What follows begins on a line of its own again.
    for (const file of readdirSync(directory)) appendFileSync(join(directory, file), '\n')
  })

  it('forgets journal files that no session can still need', async () => {
    const directory = join(flow.dataDir, 'journal')
    const one = await person()
    await logOut(flow.server, one.refresh_token)
    const before = readdirSync(directory)
    flow.server.clock.advance(89 * day)
    const kept = before.filter((name) => name.includes(before.toSorted().at(-1)!.slice(5, 15)))
    await restarted(async () => undefined)
    for (const name of kept) assert.ok(readdirSync(directory).includes(name), name)
    flow.server.clock.advance(3 * day)
    await restarted(async () => undefined)
    for (const name of before) assert.equal(readdirSync(directory).includes(name), false, name)
  })

  it('lets honest clients go on: their tokens are ahead of the restored rows', async () => {
    const { server } = flow
    const one = await person()
    const { db } = server.app.database
    const backup = await db
      .selectFrom('sessions')
      .selectAll()
      .where('id', '=', one.session_id)
      .executeTakeFirstOrThrow()
    let token = one.refresh_token
    const tokens = [token]
    for (let n = 0; n < 5; n++) {
      token = (await refresh(server, token, keyA)).body.refresh_token
      tokens.push(token)
    }
    const { id: _, ...columns } = backup
    await db.updateTable('sessions').set(columns).where('id', '=', one.session_id).execute()
    server.clock.advance(hour)
    await restarted(async (restored) => {
      // A stale copy is taken too, until a newer one is shown: the higher generation wins.
      assert.equal((await refresh(restored, tokens[2]!, keyA)).body.generation, 3)
      const ahead = await refresh(restored, token, keyA)
      assert.deepEqual([ahead.status, ahead.body.generation], [200, 6])
      assert.equal((await refresh(restored, token, keyA)).body.refresh_token, ahead.body.refresh_token)
      assert.equal(restored.log.filter(({ event }) => event === 'refresh_forward').length, 2)
    })
  })
})
