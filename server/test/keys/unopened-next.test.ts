import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { it } from 'node:test'
import { examineKeys } from '../../src/cli/doctor/keys.ts'
import { signingKeyRow } from '../../src/domain/keys/create.ts'
import { readSigningKey } from '../../src/domain/keys/import.ts'
import { canOpen } from '../../src/domain/keys/keyring.ts'
import { insertSigningKey, listSigningKeys } from '../../src/domain/keys/store.ts'
import { operatorAct, systemAct } from '../../src/flows/acting.ts'
import { importKey } from '../../src/flows/import-key.ts'
import { revokeKey } from '../../src/flows/revoke-key.ts'
import { rotateKeys } from '../../src/flows/rotate-keys.ts'
import { keysNeedTending, tendKeys } from '../../src/flows/tend-keys.ts'
import { gaugeReadings } from '../../src/http/gauges.ts'
import { randomToken } from '../../src/random.ts'
import { administrator, day, describeQuickFlow, eventually, logIn, minute, problem } from '../flows/flow-server.ts'
import { registerSomebody, type TestServer, testMasterKey } from '../support/server.ts'

const foreign = randomToken(32)
const newPem = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }) as string

/** The keys of a server, each as `state`. */
const keysOf = (server: TestServer) => listSigningKeys(server.app.database.db)
const activeOf = async (server: TestServer) => (await keysOf(server)).filter(({ state }) => state === 'active')

/** Leaves one next key, that a master key seals which this server does not have. */
async function waitForeign(server: TestServer): Promise<string> {
  const { db } = server.app.database
  await db.deleteFrom('signing_keys').where('state', '=', 'next').execute()
  const longAgo = server.clock.now() - 30 * day
  const row = signingKeyRow(readSigningKey(newPem()), [Buffer.from(foreign, 'base64url')], longAgo)
  await insertSigningKey(db, row)
  await server.app.keys.read()
  return row.kid
}

describeQuickFlow('a next key that no master key of the server opens', (flow) => {
  it('does not take over when the turn comes: another one is made, and does', async () => {
    const { server } = flow
    const { app, clock } = server
    const { email } = await registerSomebody(server)
    const kid = await waitForeign(server)
    const [before] = await activeOf(server)
    const { db } = app.database
    await db.updateTable('signing_keys').set({ activated_at: 0 }).where('state', '=', 'active').execute()
    assert.equal(await keysNeedTending(app), true)
    await tendKeys(app)
    assert.deepEqual(
      (await activeOf(server)).map((row) => row.kid),
      [before!.kid],
    )
    assert.equal((await logIn(server, email)).status, 200)
    clock.advance(11 * minute)
    await tendKeys(app)
    const [after] = await activeOf(server)
    assert.ok(after!.kid !== kid && after!.kid !== before!.kid)
    assert.equal((await logIn(server, email)).status, 200)
    assert.equal(await keysNeedTending(app), false)
  })

  it('does not take over by hand, neither asked kindly nor at once', async () => {
    const { server } = flow
    const { email } = await registerSomebody(server)
    const { token } = await administrator(server)
    const kid = await waitForeign(server)
    const [before] = await activeOf(server)
    const refused = await server.call('POST', '/v1/admin/keys/rotate', { token })
    assert.equal(problem(refused), '409 rotation_too_soon')
    assert.match(refused.body.detail, new RegExp(`No master key of this node opens the next key ${kid}`))
    assert.deepEqual(await activeOf(server), [before])
    const done = await server.call('POST', '/v1/admin/keys/rotate', { token, body: { now: true } })
    assert.equal(done.status, 200)
    const [after] = await activeOf(server)
    assert.ok(after!.kid !== kid && after!.kid !== before!.kid)
    assert.equal((await logIn(server, email)).status, 200)
  })

  it('does not take over from a key that is revoked', async () => {
    const { server } = flow
    const { email } = await registerSomebody(server)
    const kid = await waitForeign(server)
    const [before] = await activeOf(server)
    await revokeKey(server.app, systemAct, before!.kid)
    const [after] = await activeOf(server)
    assert.ok(after!.kid !== kid && after!.kid !== before!.kid)
    assert.equal((await logIn(server, email)).status, 200)
  })

  it('is told in the log, by the metric and by the doctor, and keeps no server from its start', async () => {
    const kid = await waitForeign(flow.server)
    const again = await flow.start()
    try {
      const warned = () => again.log.filter(({ event, kid: about }) => event === 'key_unopened' && about === kid)
      await eventually(() => warned().length > 0, 3000)
      await again.app.keys.read()
      assert.equal(warned().length, 1)
      const metric = () => gaugeReadings(again.app).ntt_auth_signing_keys_unopened()
      assert.deepEqual(await metric(), [{ labels: {}, value: 1 }])
      const { email } = await registerSomebody(again)
      assert.equal((await logIn(again, email)).status, 200)
      const about = (await examineKeys(again.app)).find(({ says }) => says.includes(kid))
      assert.equal(about?.level, 'warning')
      assert.match(about?.remedy ?? '', new RegExp(`keys revoke ${kid}`))
      await revokeKey(again.app, operatorAct, kid)
      assert.deepEqual(await metric(), [{ labels: {}, value: 0 }])
    } finally {
      await again.close()
    }
  })

  it('is not made by a command that has another master key in front', async () => {
    const { server } = flow
    const { email } = await registerSomebody(server)
    const command = await flow.start({ settings: { MASTER_KEY: `${foreign},${testMasterKey}` } })
    const ours = [Buffer.from(testMasterKey, 'base64url')]
    try {
      // Nothing is sealed anew here: only servers that have the foreign key in front do that.
      const { kid } = await importKey(command.app, operatorAct, newPem(), false)
      assert.ok(canOpen((await keysOf(server)).find((row) => row.kid === kid)!, ours))
      await rotateKeys(command.app, operatorAct, { now: true })
      for (const row of await keysOf(server)) assert.ok(row.state === 'retiring' || canOpen(row, ours), row.state)
      await revokeKey(command.app, operatorAct, kid)
      for (const row of await keysOf(server)) assert.ok(row.state === 'retiring' || canOpen(row, ours), row.state)
      await server.app.keys.read()
      assert.equal((await logIn(server, email)).status, 200)
    } finally {
      await command.close()
    }
  })
})
