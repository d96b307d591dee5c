import assert from 'node:assert/strict'
import { it } from 'node:test'
import { leftAloneFor } from '../../src/domain/links/create.ts'
import type { Smtp } from '../../src/domain/outbox/smtp.ts'
import { findMail, listMail } from '../../src/domain/outbox/store.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { deliverDueMail } from '../../src/flows/deliver-mail.ts'
import { holdMail, releaseMail } from '../../src/flows/hold-mail.ts'
import { describeQuickFlow } from '../flows/flow-server.ts'
import { type Kept, mailTo, tokenIn } from '../flows/kept-mail.ts'
import { registerSomebody } from '../support/server.ts'

const newPassword = 'a quieter engine of silk'

describeQuickFlow('a mail whose link has died', (flow) => {
  const post = (path: string, body: object) => flow.server.call('POST', path, { body })
  const row = async ({ id }: Kept) => (await findMail(flow.server.app.database.db, id))!
  /** The mails that go out, by their ids. */
  const deliver = async () => {
    const sent: string[] = []
    const smtp: Pick<Smtp, 'send'> = { send: async ({ id }) => void sent.push(id) }
    await deliverDueMail(flow.server.app, smtp as Smtp, () => false)
    return sent
  }
  async function forgetful() {
    const { email } = await registerSomebody(flow.server)
    await deliver()
    await post('/v1/auth/forgot-password', { email })
    const [mail] = await mailTo(flow.server, email)
    return { email, mail: mail! }
  }
  const useLink = async (mail: Kept) => {
    const { status } = await post('/v1/auth/reset-password', { token: tokenIn(mail), new_password: newPassword })
    assert.equal(status, 204)
  }
  async function isGivenUp(mail: Kept) {
    const { state, sealed, last_error, finished_at } = await row(mail)
    assert.deepEqual([state, sealed.length, finished_at !== null], ['failed', 0, true])
    assert.equal(last_error, 'Its link was used or replaced meanwhile.')
  }

  it('does not go out when its turn comes after its link was used', async () => {
    const { email, mail } = await forgetful()
    await useLink(mail)
    const sent = await deliver()
    assert.ok(!sent.includes(mail.id))
    await isGivenUp(mail)
    const notice = (await mailTo(flow.server, email)).find(({ template }) => template === 'password-changed')!
    assert.ok(sent.includes(notice.id), 'what has no link goes out')
  })

  it('does not go out when an operator releases it after a newer one replaced it', async () => {
    const { email, mail } = await forgetful()
    await holdMail(flow.server.app, operatorAct, {})
    flow.server.clock.advance(leftAloneFor)
    await post('/v1/auth/forgot-password', { email })
    const [newer] = await mailTo(flow.server, email)
    assert.notEqual(newer!.id, mail.id)
    await releaseMail(flow.server.app, operatorAct, {})
    assert.deepEqual(await deliver(), [newer!.id])
    await isGivenUp(mail)
  })

  it('is counted by itself, and raises no alarm', async () => {
    const { mail } = await forgetful()
    await useLink(mail)
    await deliver()
    const counted = [...flow.server.app.meter.counted('ntt_auth_outbox_deliveries_total')]
    assert.ok(counted.find(({ labels }) => labels.result === 'outdated')!.value >= 1)
    const lines = flow.server.log.filter((line) => line.mail === mail.id)
    assert.deepEqual(
      lines.map(({ level, event }) => [level, event]),
      [['info', 'mail_outdated']],
    )
  })

  it('that was written for nobody is in no list, and no operator holds it', async () => {
    const { db } = flow.server.app.database
    await deliver()
    await post('/v1/auth/forgot-password', { email: 'nobody@example.com' })
    await mailTo(flow.server, '')
    assert.ok((await db.selectFrom('outbox').select('id').where('recipient', '=', '').execute()).length > 0)
    const rows = await listMail(db, undefined, 500)
    assert.ok(rows.length > 0 && rows.every(({ recipient }) => recipient !== ''))
    await db.updateTable('outbox').set({ state: 'waiting' }).where('recipient', '=', '').execute()
    assert.equal(await holdMail(flow.server.app, operatorAct, {}), 0)
  })
})
