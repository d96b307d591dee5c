import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import { deleteGuesses } from '../domain/throttling/store.ts'
import { takeUser } from '../domain/users/take.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { inAuditedTransaction } from './audited.ts'

/** Failures to log in are forgotten, so that nobody has to wait any longer. Doing it twice does nothing. */
export async function unlockUser(app: App, act: Act, id: string): Promise<void> {
  const email = await inAuditedTransaction(app, act, async (tx, record) => {
    const user = await takeUser(tx, id)
    if (!user) throw new AppError('not_found')
    if (await forgetGuesses(app, tx, user.email)) {
      record({ event: 'account_unlocked', subject: { kind: 'user', id } })
    }
    return user.email
  })
  believeNoRefusal(app, email)
}

/** @returns whether there were any */
export async function forgetGuesses(app: App, tx: Tx, email: string): Promise<boolean> {
  return deleteGuesses(tx, app.throttle.name('account', email))
}

/** After the commit; other nodes hear of it within seconds (`domain/throttling/refusals.ts`). */
export function believeNoRefusal(app: App, email: string): void {
  app.throttle.refusals.forget(app.throttle.name('account', email))
}
