import type { App } from '../app.ts'
import { listUnconfirmedUsers, listUsersToDelete } from '../domain/users/store.ts'
import { takeUser } from '../domain/users/take.ts'
import { systemAct } from './acting.ts'
import { announceEnds } from './announce-ends.ts'
import { inAuditedTransaction } from './audited.ts'
import { erase } from './delete-user.ts'

const batchSize = 100

/**
 * Accounts go for good whose owners have deleted them and not come back: each in a transaction of its own, so that a node
 * that dies leaves whole accounts behind, and whoever logs in at the last moment is waited for. What is due is so by the
 * clock of the database as well as by this node's (decision 0009). One that cannot be deleted does not keep the others.
 * @param mayGoOn asked before each; throws when another node has taken over
 * @returns how many are gone
 */
export async function deleteDueAccounts(app: App, mayGoOn: () => Promise<boolean>): Promise<number> {
  return deleteEach(app, await app.time.earlier(), listUsersToDelete, deleteIfDue, mayGoOn)
}

/** The same for registrations whose addresses nobody has confirmed in time. */
export async function deleteLapsedRegistrations(app: App, mayGoOn: () => Promise<boolean>): Promise<number> {
  const since = (await app.time.earlier()) - app.config.registrationTtl
  return deleteEach(app, since, listUnconfirmedUsers, deleteIfLapsed, mayGoOn)
}

async function deleteEach(
  app: App,
  before: number,
  list: typeof listUsersToDelete,
  remove: (app: App, id: string, before: number) => Promise<boolean>,
  mayGoOn: () => Promise<boolean>,
): Promise<number> {
  let gone = 0
  let failure: unknown
  for (let after: { due_at: number; id: string } | undefined; ; ) {
    const due = await list(app.database.db, before, batchSize, after)
    for (const { id } of due) {
      if (!(await mayGoOn())) return gone
      try {
        if (await remove(app, id, before)) gone++
      } catch (error) {
        failure ??= error
      }
    }
    after = due.at(-1)
    if (due.length < batchSize) break
  }
  if (failure !== undefined) throw failure
  return gone
}

/** @returns false when its owner came back in between, or somebody else has deleted it */
async function deleteIfDue(app: App, id: string, before: number): Promise<boolean> {
  const end = await inAuditedTransaction(app, systemAct, async (tx, record) => {
    const user = await takeUser(tx, id)
    if (!user || user.deletionDueAt === null || user.deletionDueAt > before) return null
    record({ event: 'user_deleted', subject: { kind: 'user', id }, reason: 'deletion_delay' })
    return erase(app, tx, user)
  })
  if (end === null) return false
  announceEnds(app, end)
  app.log.info({ event: 'user_deleted', user: id })
  return true
}

/** @returns false when its address was confirmed in between, or somebody has asked for another link */
async function deleteIfLapsed(app: App, id: string, before: number): Promise<boolean> {
  const end = await inAuditedTransaction(app, systemAct, async (tx, record) => {
    const user = await takeUser(tx, id)
    const isWaiting = user && user.unconfirmedSince !== null && user.status === 'pending' && !user.emailVerified
    if (!isWaiting || user.unconfirmedSince! > before) return null
    record({ event: 'user_deleted', subject: { kind: 'user', id }, reason: 'never_confirmed' })
    return erase(app, tx, user)
  })
  if (end === null) return false
  announceEnds(app, end)
  app.meter.count('ntt_auth_registrations_lapsed_total', {})
  app.log.info({ event: 'registration_lapsed', user: id })
  return true
}
