import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import { createOneTimeToken, type Purpose } from '../domain/links/create.ts'
import type { User } from '../domain/users/user.ts'
import { type Budget, mayMail } from './mail-budget.ts'
import { type Mail, queueMail } from './queue-mail.ts'
import { linkMail } from './write-mail.ts'

/**
 * Queues a mailed link for one act of a user, unless its address has had too many of the kind: then no token is made
 * either, because it would replace one that somebody holds.
 * @returns the mails to tell of after the commit: this one, or none
 */
export async function queueLink(
  app: App,
  tx: Tx,
  purpose: Purpose,
  user: Pick<User, 'id' | 'email' | 'name' | 'locale' | 'emailVerified'>,
  budget: Budget,
  replaces: 'all' | 'mailed' = 'all',
): Promise<Mail[]> {
  if (!(await mayMail(app, tx, user.email, budget))) return []
  const token = await createOneTimeToken(tx, purpose, user, app.clock.now(), true, replaces)
  const mail = linkMail(app, purpose, user, token)
  await queueMail(app, tx, mail, budget)
  return [mail]
}
