import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Database, openDatabase } from '../../server/src/database/connect.ts'
import { newId } from '../../server/src/random.ts'
import { databases, freshDatabase } from '../../server/test/support/databases.ts'
import type { Bench, Measurement, Row } from '../support/bench.ts'
import { startServer } from '../support/processes.ts'
import { password, prepareStage } from '../support/stage.ts'
import { quantile, short } from '../support/statistics.ts'

const day = 24 * 60 * 60 * 1000
const users = 60

export const sweeping: Measurement = {
  name: 'sweep',
  about: 'many expired sessions are removed while people log in and refresh',
  async run(bench) {
    const rows: Omit<Row, 'others'>[] = []
    for (const { name, available } of databases) if (available) rows.push(...(await measure(bench, name)))
    return rows
  },
}

async function measure(bench: Bench, name: Parameters<typeof freshDatabase>[0]) {
  const expired = bench.quick ? 20_000 : 200_000
  const { url, drop } = await freshDatabase(name)
  const settings = {
    DATABASE_URL: url,
    MASTER_KEY: randomBytes(32).toString('base64url'),
    AUTO_MIGRATE: 'on',
    PASSWORD_HASH: 'argon2id',
  }
  const database = await openDatabase({ url })
  try {
    const stage = await prepareStage(bench.newDirectory(), settings, { users, accessTokens: 0 })
    const seconds = bench.seconds(20)
    const load = async (cleanup: string, tokens: string[]) => {
      const server = await startServer(bench.newDirectory(), { ...settings, CLEANUP_INTERVAL: cleanup })
      try {
        const { streams } = await bench.generator.run({
          address: server.address,
          streams: [
            { work: { kind: 'login', emails: stage.emails, password }, rate: 8 },
            { work: { kind: 'refresh', tokens }, rate: 40 },
          ],
          warmup: 1,
          seconds,
        })
        const [logins, refreshes] = streams
        const left = await count(database)
        while (cleanup === '1s' && (await count(database)) > 0) await delay(200)
        const wrong = logins!.wrong + refreshes!.wrong
        return {
          login: quantile(logins!.accepted, 0.99),
          refresh: quantile(refreshes!.accepted, 0.99),
          removed: expired - left,
          wrong,
          complaint: logins!.complaint ?? refreshes!.complaint ?? '',
        }
      } finally {
        await server.stop()
      }
    }
    const half = users / 2
    const calm = await load('1d', stage.refreshTokens.slice(0, half))
    await fill(database, expired)
    const busy = await load('1s', stage.refreshTokens.slice(half))
    const wrong = calm.wrong + busy.wrong
    const row = (what: 'login' | 'refresh'): Omit<Row, 'others'> => ({
      what: `cleanup on ${name}: ${what} p99 with ÷ without`,
      unit: 'ratio',
      value: busy[what] / calm[what],
      spread: null,
      target: { atMost: 1.5 },
      peer: '',
      detail:
        `${short(busy[what])} ÷ ${short(calm[what])} ms; ${Math.round(busy.removed / (seconds + 1))} of ${expired} rows ` +
        `removed a second; ${wrong} wrong answers ${busy.complaint}`.trim(),
    })
    return [row('login'), row('refresh')]
  } finally {
    await database.close()
    await drop()
  }
}

async function count(database: Database): Promise<number> {
  const row = await database.db
    .selectFrom('sessions')
    .select((select) => select.fn.countAll().as('count'))
    .where('absolute_expires_at', '<', Date.now() - day)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

async function fill(database: Database, total: number): Promise<void> {
  const owner = newId(Date.now())
  for (let made = 0; made < total; made += 500) {
    const then = Date.now() - 100 * day
    const rows = Array.from({ length: 500 }, () => ({
      id: newId(then),
      user_id: owner,
      generation: 3,
      rotated_at: then,
      redeemers: randomBytes(64),
      idle_expires_at: then,
      absolute_expires_at: then + Math.floor(Math.random() * day),
      ended_at: null,
      end_reason: null,
      created_at: then,
      last_used_at: then,
      last_ip: '192.0.2.7',
      user_agent: 'bench',
      device_name: null,
    }))
    await database.db.insertInto('sessions').values(rows).execute()
  }
}
