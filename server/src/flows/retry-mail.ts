import type { App } from '../app.ts'
import { toRfc3339 } from '../clock.ts'
import { findMail, reviveMail } from '../domain/outbox/store.ts'
import { AppError } from '../errors.ts'
import { isAlive } from './one-time-link.ts'
import { openMail } from './queue-mail.ts'

/**
 * Lets a mail that was given up be tried again, as long as it is of use: its time is not over, and its link, if it has
 * one, still works. Otherwise it stays given up.
 * @throws AppError `validation_failed`, which says why
 */
export async function retryMail(app: App, id: string): Promise<void> {
  const { db } = app.database
  const now = app.clock.now()
  const row = await findMail(db, id)
  if (row?.state !== 'failed')
    throw refused('Only mail that was given up while it was still of use can be tried again.')
  // What it says is deleted with it, but a mail that was refused at once may outlive its link.
  if (row.expires_at <= now) {
    throw refused(`It was of use until ${toRfc3339(row.expires_at)}: its link is over. ${askAnew}`)
  }
  if (row.sealed.length === 0) throw refused('What it said is deleted, so it cannot be tried again.')
  const data = openMail(app, row)
  if (data === null) {
    throw refused('No master key that is known here opens it. Add the one that sealed it to NTT_AUTH_MASTER_KEY.')
  }
  if (data.link !== undefined && !(await isAlive(app, data.link))) {
    throw refused(`Its link was used or replaced meanwhile, so it stays given up. ${askAnew}`)
  }
  if (!(await reviveMail(db, id, now))) throw refused('Somebody else has decided about it in this moment.')
}

const askAnew = 'Let the person ask for a new one.'

function refused(detail: string): AppError {
  return new AppError('validation_failed', { detail })
}
