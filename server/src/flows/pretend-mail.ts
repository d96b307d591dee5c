import type { App } from '../app.ts'
import { createOneTimeToken } from '../domain/links/create.ts'
import { nobody } from '../domain/outbox/mail.ts'
import { takeUser } from '../domain/users/take.ts'
import { newId } from '../random.ts'
import type { Act } from './acting.ts'
import { inAuditedTransaction } from './audited.ts'
import { queueMail } from './queue-mail.ts'
import { linkMail } from './write-mail.ts'

/**
 * Where no mail goes out, as much is done as where one does: a link is made that nobody gets, in a mail that is written,
 * sealed, claimed and filled in like every other, and deleted instead of sent. Otherwise whoever watches how busy this
 * node is after its answer would learn whether an address is known.
 */
export async function pretendMail(app: App, act: Act): Promise<void> {
  await inAuditedTransaction(app, act, async (tx, record) => {
    const now = app.clock.now()
    const user = { id: newId(now), email: nobody, name: null, locale: null, emailVerified: false }
    await takeUser(tx, user.id)
    const token = await createOneTimeToken(tx, 'password_reset', user, now, true)
    await queueMail(app, tx, linkMail(app, 'password_reset', user, token), 'nobody')
    record({ event: 'mail_withheld' })
  })
  app.mail.wake()
}
