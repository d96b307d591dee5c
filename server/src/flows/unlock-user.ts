import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import { listDevicesOfUser } from '../domain/sessions/store.ts'
import { deleteGuesses } from '../domain/throttling/store.ts'
import { takeUser } from '../domain/users/take.ts'
import type { User } from '../domain/users/user.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { inAuditedTransaction } from './audited.ts'

/** Failures to log in are forgotten, also those of each known device, so that nobody has to wait any longer. Doing it twice does nothing. */
export async function unlockUser(app: App, act: Act, id: string): Promise<void> {
  const names = await inAuditedTransaction(app, act, async (tx, record) => {
    const user = await takeUser(tx, id)
    if (!user) throw new AppError('not_found')
    const devices = await listDevicesOfUser(tx, id, devicesLookedAt)
    const names = [...namesOf(app, user), ...devices.map((device) => app.throttle.name('device', device.id))]
    if (await forget(tx, names)) record({ event: 'account_unlocked', subject: { kind: 'user', id } })
    return names
  })
  for (const name of names) app.throttle.refusals.forget(name)
}

/** Each is counted by itself; of a user with more sessions than that, the oldest have to wait on. */
const devicesLookedAt = 1000

/** @returns whether there were any */
export async function forgetGuesses(app: App, tx: Tx, user: Whose): Promise<boolean> {
  return forget(tx, namesOf(app, user))
}

async function forget(tx: Tx, names: string[]): Promise<boolean> {
  let some = false
  for (const name of names) some = (await deleteGuesses(tx, name)) || some
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
