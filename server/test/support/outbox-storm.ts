import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '../../src/app.ts'
import { inTransaction } from '../../src/database/transaction.ts'
import { queueMail } from '../../src/flows/queue-mail.ts'
import { childServer } from './child-server.ts'
import { sinkUrl } from './smtp-sink.ts'
import { startSinkProcess } from './smtp-sink-process.ts'

export type OutboxStorm = {
  /** Writes the mail and delivers none. */
  app: App
  databaseUrl: string
  masterKey: string
  nodes: number
  messages: number
  /** A node is killed each time so many more have arrived. */
  killEvery: number
}

export type StormOutcome = {
  kills: number
  /** Mails that were queued and never arrived. */
  missing: string[]
  /** Copies of a Message-ID beyond its first. */
  repeated: number
  /** Mails that arrived and were never queued, or not committed. */
  unknown: string[]
  /** What the outbox says in the end. */
  states: Record<string, number>
  /** Milliseconds from the first mail to the last. */
  took: number
}

/** A mail is under way for about this long, so that kills hit many of them. */
const pause = 30

/**
 * Nodes deliver one outbox to a real SMTP server while they are killed by SIGKILL and started again, in turn. Mail is
 * written all the while, and a tenth of it in transactions that fail.
 */
export async function stormOutbox({ app, databaseUrl, masterKey, ...storm }: OutboxStorm): Promise<StormOutcome> {
  const sink = await startSinkProcess(pause)
  const settings = { SMTP_URL: sinkUrl(sink), SMTP_TIMEOUT: '3s', WORKERS: '1' }
  const nodes = Array.from({ length: storm.nodes }, () => childServer({ databaseUrl, masterKey, settings }))
  const began = performance.now()
  let kills = 0
  try {
    const starts = nodes.map((node) => node.start())
    await Promise.all(starts)
    const writing = writeMail(app, storm.messages)
    for (;;) {
      const next = sink.received.length + storm.killEvery
      if (next > storm.messages) break
      await sink.hasReceived(next)
      // Anywhere between two mails, not only just after one.
      await delay(Math.random() * pause)
      const turn = kills++ % nodes.length
      await starts[turn]
      await nodes[turn]!.kill()
      // The others are killed meanwhile.
      starts[turn] = nodes[turn]!.start()
    }
    await Promise.all(starts)
    await writing
    await untilNothingWaits(app)
    const took = performance.now() - began
    const rows = await app.database.db.selectFrom('outbox').select(['id', 'state', 'sealed']).execute()
    const arrived = sink.received.map((messageId) => messageId.split('@')[0]!)
    const once = new Set(arrived)
    const queued = new Set(rows.map(({ id }) => id))
    const states: Record<string, number> = {}
    for (const { state, sealed } of rows) {
      const name = sealed.length === 0 ? state : `${state}, its words kept`
      states[name] = (states[name] ?? 0) + 1
    }
    return {
      kills,
      missing: [...queued].filter((id) => !once.has(id)),
      repeated: arrived.length - once.size,
      unknown: [...once].filter((id) => !queued.has(id)),
      states,
      took,
    }
  } finally {
    await Promise.all(nodes.map((node) => node.remove()))
    await sink.close()
  }
}

async function writeMail(app: App, messages: number): Promise<void> {
  const write = (index: number, fails: boolean) =>
    inTransaction(app.database, async (tx) => {
      await queueMail(app, tx, {
        to: `${fails ? 'undone' : 'person'}-${index}@example.com`,
        template: 'password-changed',
        locale: null,
        data: { time: '2026-11-24 10:00 UTC', ip: '192.0.2.1' },
        expiresAt: app.clock.now() + 60 * 60 * 1000,
      })
      if (fails) throw new Error('on purpose')
    })
  for (let index = 0; index < messages; index++) {
    if (index % 10 === 0) await write(index, true).catch(() => undefined)
    await write(index, false)
  }
}

/** The claim of a dead node ends after twice the time of a delivery. */
async function untilNothingWaits(app: App): Promise<void> {
  const deadline = performance.now() + 60_000
  for (;;) {
    const waiting = await app.database.db.selectFrom('outbox').select('id').where('state', '=', 'waiting').execute()
    if (waiting.length === 0) return
    if (performance.now() > deadline) throw new Error(`${waiting.length} mails still wait.`)
    await delay(100)
  }
}
