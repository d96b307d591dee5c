import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { connections } from '../../src/domain/outbox/smtp.ts'
import { onEachDatabase } from '../support/databases.ts'
import { stormOutbox } from '../support/outbox-storm.ts'
import { startTestServer, type TestServer, testMasterKey } from '../support/server.ts'

const messages = 80

onEachDatabase((name, url) => {
  let observer: TestServer
  before(async () => {
    observer = await startTestServer(url(), {})
  })
  after(() => observer.close())

  it('loses no mail and sends none that was undone, though its nodes are killed again and again', async (t) => {
    // An embedded database has one process.
    const nodes = name === 'SQLite' ? 1 : 2
    const storm = { app: observer.app, databaseUrl: url(), masterKey: testMasterKey, nodes, messages, killEvery: 15 }
    const { kills, missing, repeated, unknown, states } = await stormOutbox(storm)
    t.diagnostic(`${messages} mails, ${kills} kills: ${repeated} arrived once more`)
    assert.deepEqual({ missing, unknown, states }, { missing: [], unknown: [], states: { sent: messages } })
    // Where sending is quick, the other node may have sent the rest before the first one is back.
    assert.ok(kills >= 1)
    assert.ok(repeated <= kills * connections, 'no more than were under way when a node was killed')
  })
})
