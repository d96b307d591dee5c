import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import { deleteGuesses } from '../domain/throttling/store.ts'
import { takeUser } from '../domain/users/take.ts'
import type { User } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { inAuditedTransaction } from './audited.ts'

/** Failures to log in are forgotten, so that nobody has to wait any longer. Doing it twice does nothing. */
export async function unlockUser(app: App, act: Act, id: string): Promise<void> {
  const user = await inAuditedTransaction(app, act, async (tx, record) => {
    const user = await takeUser(tx, id)
    if (!user) throw new AppError('not_found')
    if (await forgetGuesses(app, tx, user)) {
      record({ event: 'account_unlocked', subject: { kind: 'user', id } })
    }
    return user
  })
  believeNoRefusal(app, user)
}

/** @returns whether there were any */
export async function forgetGuesses(app: App, tx: Tx, user: Whose): Promise<boolean> {
  let some = false
  for (const name of namesOf(app, user)) some = (await deleteGuesses(tx, name)) || some
  return some
}

type Whose = Pick<User, 'id' | 'email'>

/** What strangers guessed, and what all known devices did. */
function namesOf({ throttle }: App, { id, email }: Whose): string[] {
  return [throttle.name('account', email), throttle.name('devices', id)]
}

/** After the commit; other nodes hear of it within seconds (`domain/throttling/refusals.ts`). */
export function believeNoRefusal(app: App, user: Whose): void {
  for (const name of namesOf(app, user)) app.throttle.refusals.forget(name)
}
