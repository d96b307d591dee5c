import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { operatorAct } from '../../src/flows/acting.ts'
import { rotateServiceSecret } from '../../src/flows/change-services.ts'
import { registerService } from '../../src/flows/register-service.ts'
import { eventually, hour } from '../flows/flow-server.ts'
import { basic } from '../revocations/service.ts'
import { type ChildServer, childServer } from '../support/child-server.ts'
import { onEachDatabase } from '../support/databases.ts'
import { type FaultProxy, startFaultProxy, startTcpGate } from '../support/fault-proxy.ts'
import { History } from '../support/history.ts'
import { assertHistory } from '../support/history-check.ts'
import { freshKey, type RaceClient, raceClient, recordStore, sendLogout, sendValidate } from '../support/race-client.ts'
import { openSession, raceMasterKey, sessionRowOf, startRaceServer } from '../support/race-server.ts'
import { call, type TestServer } from '../support/server.ts'

const revocationBound = 2000

/** Whether a server lets a service in by this secret. */
async function introspects(server: ChildServer, clientId: string, secret: string): Promise<boolean> {
  const headers = { ...basic(clientId, secret), 'content-type': 'application/x-www-form-urlencoded' }
  const { status } = await call(server.address(), 'POST', '/oauth2/introspect', { body: 'token=any', headers })
  assert.ok(status === 200 || status === 401, String(status))
  return status === 200
}

onEachDatabase((name, url) => {
  /** Serves nobody: it opens sessions and looks at rows. */
  let observer: TestServer
  let child: ChildServer
  let proxy: FaultProxy
  const where = () => ({ node: 'child', address: proxy.address })

  before(async () => {
    observer = await startRaceServer(url())
    child = childServer({ databaseUrl: url(), masterKey: raceMasterKey })
    proxy = await startFaultProxy(() => child.address())
    await child.start()
  })
  after(async () => {
    await proxy.close()
    await child.remove()
    await observer.close()
  })

  const begin = async (history: History, client = 'laptop') => {
    const { id, token } = await openSession(observer.app)
    const store = recordStore({ token, generation: 0, key: freshKey() })
    return raceClient(history, { session: id, client, role: 'honest' }, store)
  }
  const generationOf = async (client: RaceClient) => (await sessionRowOf(observer.app, client.who.session)).generation

  it('goes on with the same successor when the server is killed before its reply arrives', async () => {
    const history = new History()
    const clients = await Promise.all(Array.from({ length: 6 }, () => begin(history)))
    const waiting = clients.map((client) => client.refresh(where(), 'hold'))
    const held = await Promise.all(clients.map(() => proxy.nextHeld()))
    await child.kill()
    for (const reply of held) reply.cut()
    assert(
      (await Promise.all(waiting)).every(({ kind }) => kind === 'unknown'),
      'no reply came through',
    )
    for (const client of clients) assert.equal(await generationOf(client), 1)
    await child.start()
    for (const client of clients) {
      const retried = await client.refresh(where())
      assert.equal(retried.kind === 'tokens' && retried.generation, 1)
      assert.equal((await client.refresh(where())).kind, 'tokens')
    }
    assertHistory(history.events)
  })

  if (name !== 'SQLite') {
    it('goes on with the same successor when the server is killed before it hears of its own commit', async () => {
      const { hostname, port } = new URL(url())
      const gate = await startTcpGate({ host: hostname, port: Number(port) })
      const throughGate = new URL(url())
      throughGate.port = String(gate.port)
      const victim = childServer({ databaseUrl: throughGate.href, masterKey: raceMasterKey })
      try {
        await victim.start()
        const history = new History()
        const client = await begin(history)
        const node = () => ({ node: 'victim', address: victim.address() })
        assert.equal((await client.refresh(node())).kind, 'tokens')

        const committed = Promise.withResolvers<void>()
        gate.gate = async () => {
          if ((await generationOf(client)) < 2) return
          committed.resolve()
          await new Promise(() => {})
        }
        const waiting = client.refresh(node())
        await committed.promise
        await victim.kill()
        assert.equal((await waiting).kind, 'unknown')

        gate.gate = () => Promise.resolve()
        await victim.start()
        const retried = await client.refresh(node())
        assert.equal(retried.kind === 'tokens' && retried.generation, 2)
        assert.equal((await client.refresh(node())).kind, 'tokens')
        assertHistory(history.events)
      } finally {
        await victim.remove()
        await gate.close()
      }
    })
  }

  it('keeps a session ended that was logged out just before the kill', async () => {
    const history = new History()
    const client = await begin(history)
    await client.refresh(where())
    const { token } = client.store.record
    assert.equal((await sendLogout(history, client.who, where(), token)).kind, 'done')
    await child.kill()
    await child.start()
    assert.equal((await sendValidate(history, client.who, where(), client.accessToken!)).kind, 'refused')
    assert.deepEqual(await client.refresh(where()), { kind: 'ended', reason: 'logout' })
    assertHistory(history.events)
  })

  it('keeps it ended when the database goes back to before the logout while the server is down', async () => {
    const history = new History()
    const client = await begin(history)
    await client.refresh(where())
    const { db } = observer.app.database
    const { id, ...backup } = await sessionRowOf(observer.app, client.who.session)
    await client.refresh(where())
    await sendLogout(history, client.who, where(), client.store.record.token)
    await child.kill()
    await db.updateTable('sessions').set(backup).where('id', '=', id).execute()
    await db.deleteFrom('revocations').where('subject', '=', id).execute()
    await child.start()
    assert.equal((await sendValidate(history, client.who, where(), client.accessToken!)).kind, 'refused')
    assert.deepEqual(await client.refresh(where()), { kind: 'ended', reason: 'logout' })
    assertHistory(history.events)
  })

  it('loses nobody and revives nothing when the server is killed at random instants under load', async () => {
    const history = new History()
    const clients = await Promise.all(Array.from({ length: 10 }, () => begin(history)))
    let loaded = true
    const load = clients.map(async (client, index) => {
      while (loaded && client.over === null) {
        const tabs = index % 3 === 0 ? [client.refresh(where()), client.refresh(where())] : [client.refresh(where())]
        const outcomes = await Promise.all(tabs)
        if (outcomes.some(({ kind }) => kind === 'unknown')) await delay(20)
        // Every fifth user logs out somewhere on the way, and does not always hear that it worked.
        if (index % 5 === 4 && client.store.record.generation > 10 + 30 * index) {
          await sendLogout(history, client.who, where(), client.store.record.token)
        }
      }
    })
    for (let kill = 0; kill < 3; kill++) {
      await delay(150 + Math.random() * 250)
      await child.kill()
      await child.start()
    }
    await delay(100)
    loaded = false
    await Promise.all(load)

    for (const [index, client] of clients.entries()) {
      const outcome = await client.refreshUntilAnswered(where, () => delay(20))
      const mayBeOver = history.events.some(
        ({ operation, session }) => operation === 'end' && session === client.who.session,
      )
      assert(outcome.kind === 'tokens' || (mayBeOver && outcome.kind === 'ended'), `client ${index}: ${outcome.kind}`)
      assert.notEqual(client.over, 'overtaken')
    }
    // One long chain, whose server was killed again and again on the way.
    const [longest] = clients
    while (longest!.store.record.generation < 50) await longest!.refresh(where())
    assert.equal((await sessionRowOf(observer.app, longest!.who.session)).ended_at, null)
    assert(
      history.events.some(({ outcome }) => outcome.kind === 'unknown'),
      'the kills hit somebody',
    )
    assertHistory(history.events, { revocationBound })
  })

  it('treats two processes on one database as one', async () => {
    const second = childServer({ databaseUrl: url(), masterKey: raceMasterKey })
    try {
      await second.start()
      const history = new History()
      const nodes = [where(), { node: 'second', address: second.address() }]
      const clients = await Promise.all(Array.from({ length: 8 }, () => begin(history)))
      for (let round = 0; round < 8; round++) {
        const parallel = clients.flatMap((client) => nodes.map((node) => client.refresh(node)))
        const outcomes = await Promise.all(parallel)
        assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(['tokens']))
      }
      for (const client of clients) {
        const [here, there] = [nodes[0]!, nodes[1]!]
        await sendLogout(history, client.who, here, client.store.record.token)
        assert.deepEqual(await client.refresh(there), { kind: 'ended', reason: 'logout' })
      }
      const { app } = observer
      const made = await registerService(app, operatorAct, 'billing', ['introspect'])
      const { clientId } = made.service
      const letIn = (secret: string) => Promise.all([child, second].map((each) => introspects(each, clientId, secret)))
      const rotate = (overlap: number) => rotateServiceSecret(app, operatorAct, clientId, { overlap, life: null })
      assert.deepEqual(await letIn(made.secret), [true, true])
      const next = (await rotate(hour)).secret
      await delay(revocationBound)
      for (const client of clients) {
        assert.equal((await sendValidate(history, client.who, nodes[1]!, client.accessToken!)).kind, 'refused')
      }
      assertHistory(history.events, { revocationBound })

      for (const secret of [made.secret, next]) assert.deepEqual(await letIn(secret), [true, true], 'both live')
      const last = (await rotate(0)).secret
      assert.deepEqual(await letIn(last), [true, true])
      for (const secret of [made.secret, next]) {
        await eventually(async () => !(await letIn(secret)).includes(true))
      }
      assert.deepEqual(await letIn(last), [true, true])
      const short = (await rotate(800)).secret
      await eventually(async () => !(await letIn(last)).includes(true))
      assert.deepEqual(await letIn(short), [true, true])
    } finally {
      await second.remove()
    }
  })
})
