import type { App } from '../app.ts'
import { type MailData, nobody, unsentStates } from '../domain/outbox/mail.ts'
import { mostAttempts, nextAttemptAt } from '../domain/outbox/retry.ts'
import { connections, DeliveryError, type Smtp } from '../domain/outbox/smtp.ts'
import {
  claimMail,
  deleteMailRows,
  listDueMail,
  measureOutbox,
  type OutboxRow,
  settleMail,
} from '../domain/outbox/store.ts'
import { randomToken } from '../random.ts'
import { isAlive } from './one-time-link.ts'
import { openMail, renderMail } from './queue-mail.ts'

const batch = 50
const nothing = Buffer.alloc(0)

/**
 * Delivers mail whose time has come. Every node does this at once: each mail is claimed before it is sent, for twice as
 * long as sending may take, and whoever dies on the way leaves it to the others. So a mail arrives at least once, and
 * rarely twice; then with the same Message-ID. What was written long ago, or held, may carry a link that has died
 * meanwhile: whoever got it would take us for broken.
 * @returns whether there may be more
 */
export async function deliverDueMail(app: App, smtp: Smtp, stopped: () => boolean): Promise<boolean> {
  const due = shuffled(await listDueMail(app.database.db, app.clock.now(), batch))
  const rows = due.values()
  const worker = async () => {
    for (const row of rows) {
      if (stopped()) return
      await deliver(app, smtp, row)
    }
  }
  const outcomes = await Promise.allSettled(Array.from({ length: connections }, worker))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  return due.length === batch
}

async function deliver(app: App, smtp: Smtp, row: OutboxRow): Promise<void> {
  const { db } = app.database
  const claim = randomToken(12)
  const until = app.clock.now() + 2 * app.config.smtpTimeout
  if (!(await claimMail(db, row, claim, until))) return
  const attempts = row.attempts + 1
  const data = openMail(app, row)
  // Looked at for nobody as well: `pretend-mail.ts` is to cost as much.
  const isDead = data?.link !== undefined && row.expires_at > app.clock.now() && !(await isAlive(app, data.link))
  if (row.recipient === nobody) {
    renderMail(app, row, data)
    await deleteMailRows(db, [row.id])
    return
  }
  if (isDead) {
    const last_error = 'Its link was used or replaced meanwhile.'
    await settleMail(db, row.id, claim, {
      state: 'failed',
      sealed: nothing,
      finished_at: app.clock.now(),
      last_error,
    })
    return count(app, row, 'outdated')
  }
  const failure = await send(app, smtp, row, data)
  const now = app.clock.now()
  if (failure === null) {
    await settleMail(db, row.id, claim, { state: 'sent', sealed: nothing, finished_at: now, last_error: null })
    return count(app, row, 'sent')
  }
  const next = nextAttemptAt(attempts, now, Math.random())
  const isOver = failure.refused === 'recipient' || attempts >= mostAttempts || next >= row.expires_at
  const change = isOver
    ? { state: 'failed' as const, finished_at: now, ...(next >= row.expires_at && { sealed: nothing }) }
    : { due_at: next }
  await settleMail(db, row.id, claim, { ...change, last_error: failure.message.slice(0, 500) })
  count(app, row, isOver ? 'given_up' : failure.refused === 'us' ? 'refused' : 'failed', failure.message)
}

type Failure = Pick<DeliveryError, 'message' | 'refused'>

async function send(app: App, smtp: Smtp, row: OutboxRow, data: MailData | null): Promise<Failure | null> {
  if (row.expires_at <= app.clock.now()) return { message: 'It came too late to be of use.', refused: 'passing' }
  try {
    const rendered = renderMail(app, row, data)
    if (!rendered) return { message: 'No master key that is known here opens it.', refused: 'passing' }
    await smtp.send({ ...rendered, id: row.id, to: row.recipient, date: row.created_at })
    return null
  } catch (error) {
    return error instanceof DeliveryError ? error : { message: (error as Error).message, refused: 'passing' }
  }
}

type Outcome = 'sent' | 'outdated' | 'failed' | 'refused' | 'given_up'

function count(app: App, { id, template }: OutboxRow, result: Outcome, error?: string): void {
  app.meter.count('ntt_auth_outbox_deliveries_total', { channel: 'mail', result })
  const line = { event: `mail_${result}`, mail: id, template, error }
  if (result === 'given_up' || result === 'refused') app.log.error(line)
  else app.log[result === 'failed' ? 'warn' : 'info'](line)
}

/** Writes down for the metrics how much mail there is in each state, and for how long it has been waiting. */
export async function measureMail(app: App): Promise<void> {
  const { oldest, ...counts } = await measureOutbox(app.database.db)
  const age = oldest === null ? 0 : Math.max(0, (app.clock.now() - oldest) / 1000)
  for (const state of unsentStates) app.meter.set('ntt_auth_outbox_rows', { channel: 'mail', state }, counts[state])
  app.meter.set('ntt_auth_outbox_pending', { channel: 'mail' }, counts.waiting)
  app.meter.set('ntt_auth_outbox_oldest_seconds', { channel: 'mail' }, age)
}

/** So that nodes that look at the same time do not all reach for the same mail. */
function shuffled<T>(rows: T[]): T[] {
  const places = rows.map((row) => ({ row, place: Math.random() }))
  return places.sort((one, other) => one.place - other.place).map(({ row }) => row)
}
