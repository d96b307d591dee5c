import type { App } from '../app.ts'
import { type MailSelection, moveMail } from '../domain/outbox/store.ts'
import type { Act } from './acting.ts'
import { inAuditedTransaction } from './audited.ts'

const nothing = Buffer.alloc(0)

/** Mail that waits is not sent until it is released; what is written from now on is. @returns how many mails */
export async function holdMail(app: App, act: Act, which: MailSelection): Promise<number> {
  return decide(app, act, 'mail_held', which, ['waiting'], { state: 'held' })
}

/** Mail that was held is sent, unless it is of no use any more by then. @returns how many mails */
export async function releaseMail(app: App, act: Act, which: MailSelection): Promise<number> {
  const count = await decide(app, act, 'mail_released', which, ['held'], { state: 'waiting' })
  if (count > 0) app.mail.wake()
  return count
}

/** Mail that waits or is held is never sent, and what it said is deleted. @returns how many mails */
export async function discardMail(app: App, act: Act, which: MailSelection): Promise<number> {
  const over = { sealed: nothing, finished_at: app.clock.now(), last_error: 'An operator discarded it.' }
  return decide(app, act, 'mail_discarded', which, ['waiting', 'held'], { state: 'failed', ...over })
}

async function decide(
  app: App,
  act: Act,
  event: 'mail_held' | 'mail_released' | 'mail_discarded',
  which: MailSelection,
  from: Parameters<typeof moveMail>[2],
  change: Parameters<typeof moveMail>[3],
): Promise<number> {
  return inAuditedTransaction(app, act, async (tx, record) => {
    const count = await moveMail(tx, which, from, change)
    if (count > 0) record({ event, details: { count } })
    return count
  })
}
