import type { App } from '../app.ts'
import { deleteOneTimeTokensOfUser } from '../domain/links/store.ts'
import { findPasswordHash } from '../domain/passwords/store.ts'
import { keepAnAdmin } from '../domain/users/keep-admin.ts'
import { takeUser } from '../domain/users/take.ts'
import { setUserStatus } from '../domain/users/update.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { announceEnds, nothingEnded } from './announce-ends.ts'
import { inAuditedTransaction } from './audited.ts'
import { endAll } from './end-sessions.ts'

/** An account is closed until somebody opens it again; its sessions and one-time links end with it. Doing it twice does nothing. */
export async function disableUser(app: App, act: Act, id: string): Promise<void> {
  const end = await inAuditedTransaction(app, act, async (tx, record) => {
    const user = await takeUser(tx, id)
    if (!user) throw new AppError('not_found')
    if (user.status === 'disabled') return nothingEnded
    await keepAnAdmin(tx, user)
    await setUserStatus(tx, id, 'disabled', app.clock.now())
    // It would open the account again, once that is enabled.
    await deleteOneTimeTokensOfUser(tx, id)
    record({ event: 'user_disabled', subject: { kind: 'user', id } })
    return endAll(app, tx, id, 'disabled')
  })
  announceEnds(app, end)
}

/** Opened again; who has no password yet, or must verify its address first, is pending as before. The sessions that ended stay ended. */
export async function enableUser(app: App, act: Act, id: string): Promise<void> {
  await inAuditedTransaction(app, act, async (tx, record) => {
    const user = await takeUser(tx, id)
    if (!user) throw new AppError('not_found')
    if (user.status !== 'disabled') return
    const hasPassword = (await findPasswordHash(tx, id)) !== null
    // Not everybody without a verified address was waiting for it: administrators and imports make active accounts.
    const awaited = app.config.emailVerification === 'required' && user.unconfirmedSince !== null
    const status = hasPassword && !awaited ? 'active' : 'pending'
    await setUserStatus(tx, id, status, app.clock.now())
    record({ event: 'user_enabled', subject: { kind: 'user', id } })
  })
}
