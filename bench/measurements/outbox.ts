import { createHash } from 'node:crypto'
import { createApp } from '../../server/src/app.ts'
import { systemClock } from '../../server/src/clock.ts'
import { loadConfig } from '../../server/src/config/config.ts'
import { connections } from '../../server/src/domain/outbox/smtp.ts'
import { createLog } from '../../server/src/log.ts'
import { startApp } from '../../server/src/start.ts'
import { type DatabaseName, databases, freshDatabase } from '../../server/test/support/databases.ts'
import { stormOutbox } from '../../server/test/support/outbox-storm.ts'
import { startDatabases } from '../../server/test/support/start-databases.ts'
import type { Bench, Measurement, Row } from '../support/bench.ts'
import { serverEnv } from '../support/processes.ts'
import { short } from '../support/statistics.ts'

const killEvery = 40

export const outbox: Measurement = {
  name: 'outbox',
  about: 'is a mail lost when the nodes that deliver are killed again and again, and how many arrive twice?',
  async run(bench) {
    const started = await startDatabases()
    Object.assign(process.env, started.env)
    try {
      const rows: Omit<Row, 'others'>[] = []
      for (const { name } of databases) {
        if (!started.missing.includes(name)) rows.push(...(await measureOn(name, bench)))
      }
      return rows
    } finally {
      await started.stop()
    }
  },
}

async function measureOn(name: DatabaseName, bench: Bench): Promise<Omit<Row, 'others'>[]> {
  const fresh = await freshDatabase(name)
  const masterKey = createHash('sha256').update('bench').digest('base64url')
  const settings = { DATABASE_URL: fresh.url, MASTER_KEY: masterKey, AUTO_MIGRATE: 'on' }
  const { config } = loadConfig({ env: serverEnv(bench.newDirectory(), settings), flags: {} })
  const app = await createApp(config, createLog('silent'), systemClock)
  const stop = await startApp(app)
  // An embedded database has one process.
  const nodes = name === 'SQLite' ? 1 : 2
  const messages = Math.round(bench.seconds(1000))
  try {
    const outcome = await stormOutbox({ app, databaseUrl: fresh.url, masterKey, nodes, messages, killEvery })
    const { kills, missing, repeated, unknown, states, took } = outcome
    if (unknown.length > 0) throw new Error(`${unknown.length} mails arrived whose transaction had failed.`)
    if (states.sent !== messages) throw new Error(`The outbox says ${JSON.stringify(states)} of ${messages}.`)
    const detail = `${messages} mails, ${nodes} nodes, ${kills} kills, ${short(took / 1000)} s`
    const row = { unit: 'mails' as const, spread: null, peer: '' }
    return [
      { ...row, what: `${name}: mails that never arrived`, value: missing.length, target: { atMost: 0 }, detail },
      {
        ...row,
        what: `${name}: mails that arrived once more`,
        value: repeated,
        target: { atMost: kills * connections },
        detail: `each with the Message-ID of its first copy; at most ${connections} are under way on a node`,
      },
    ]
  } finally {
    stop()
    await app.close()
    await fresh.drop()
  }
}
