import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import { blankMailTo, deleteMailTo, listMailTimes } from '../domain/outbox/store.ts'
import { type Mail, queueMail } from './queue-mail.ts'

const minute = 60 * 1000
const hour = 60 * minute

/** So many mails of one budget go to one address within an hour; beyond them one each ten minutes. */
export const mailBudget = { burst: 10, within: hour, every: 10 * minute } as const

/**
 * What a mail is counted as. Each act that anybody can cause has a budget of its own, so that nobody uses up what another
 * act needs, least of all the link that sets a password; a notice is counted by itself.
 */
export type Budget = 'register' | 'resend' | 'forgot' | 'change_email' | Mail['template']

/**
 * Queues a mail that its reader need not have caused, unless its address has had too many of the kind.
 * @returns the mails to tell of after the commit: this one, or none
 */
export async function queueWithin(app: App, tx: Tx, mail: Mail, budget: Budget = mail.template): Promise<Mail[]> {
  if (!(await mayMail(app, tx, mail.to, budget))) return []
  await queueMail(app, tx, mail, budget)
  return [mail]
}

export async function mayMail(app: App, tx: Tx, to: string, budget: Budget): Promise<boolean> {
  const { burst, within, every } = mailBudget
  const now = app.clock.now()
  const times = await listMailTimes(tx, [to, aliasOf(app, to)], budget, now - within, burst)
  return times.length < burst || times[0]! <= now - every
}

/** Mail to an address is deleted; of what still counts, only that there was one, or whoever leaves would count from 0. */
export async function forgetMailTo(app: App, tx: Tx, to: string): Promise<void> {
  const now = app.clock.now()
  await blankMailTo(tx, to, aliasOf(app, to), now - mailBudget.within, now)
  await deleteMailTo(tx, to)
}

function aliasOf(app: App, to: string): string {
  return app.throttle.name('mail', to)
}
