import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { it } from 'node:test'
import { command as outbox } from '../../src/cli/outbox.ts'
import { seal } from '../../src/domain/keys/seal.ts'
import { leftAloneFor } from '../../src/domain/links/create.ts'
import { findMail } from '../../src/domain/outbox/store.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { disableUser } from '../../src/flows/disable-user.ts'
import { describeQuickFlow } from '../flows/flow-server.ts'
import { mailTo, tokenIn } from '../flows/kept-mail.ts'
import { runCommand } from '../support/run-command.ts'
import { registerSomebody, testMasterKey } from '../support/server.ts'

const newPassword = 'a quieter engine of silk'

describeQuickFlow('a mail that was given up', (flow) => {
  const post = (path: string, body: object) => flow.server.call('POST', path, { body })
  const retry = (id: string) =>
    runCommand(outbox, ['retry', id], {
      NTT_AUTH_DATABASE_URL: flow.url,
      NTT_AUTH_DATA_DIR: flow.dataDir,
      NTT_AUTH_MASTER_KEY: testMasterKey,
    })
  const stateOf = async (id: string) => (await findMail(flow.server.app.database.db, id))!.state

  /** The newest mail to an address, as if its mail server had refused it for good. */
  async function givenUp(email: string, template: string) {
    const mail = (await mailTo(flow.server, email)).find((each) => each.template === template)!
    const { db } = flow.server.app.database
    await db
      .updateTable('outbox')
      .set({ state: 'failed', attempts: 1, finished_at: flow.server.clock.now(), last_error: '550 no such mailbox' })
      .where('id', '=', mail.id)
      .execute()
    return mail
  }
  async function givenUpReset() {
    const somebody = await registerSomebody(flow.server)
    await post('/v1/auth/forgot-password', { email: somebody.email })
    return { ...somebody, mail: await givenUp(somebody.email, 'reset-password') }
  }
  async function staysGivenUp(id: string) {
    const { code, stdout, stderr } = await retry(id)
    assert.deepEqual([code, stdout, await stateOf(id)], [64, '', 'failed'])
    assert.match(stderr, /Its link was used or replaced meanwhile, so it stays given up\. Let the person ask/)
    assert.doesNotMatch(stderr, /ntto_/)
  }

  it('is tried again while its link is good, and where it has none', async () => {
    const { email, mail } = await givenUpReset()
    const { code, stdout } = await retry(mail.id)
    assert.deepEqual([code, stdout], [0, `The mail ${mail.id} is tried again.\n`])
    assert.equal(await stateOf(mail.id), 'waiting')
    await post('/v1/auth/reset-password', { token: tokenIn(mail), new_password: newPassword })
    const notice = await givenUp(email, 'password-changed')
    assert.equal((await retry(notice.id)).code, 0)
  })

  it('stays given up once its link was used', async () => {
    const { mail } = await givenUpReset()
    const used = await post('/v1/auth/reset-password', { token: tokenIn(mail), new_password: newPassword })
    assert.equal(used.status, 204)
    await staysGivenUp(mail.id)
  })

  it('stays given up once a newer link replaced it, and the newer one does not', async () => {
    const { email, mail } = await givenUpReset()
    flow.server.clock.advance(leftAloneFor)
    await post('/v1/auth/forgot-password', { email })
    const newer = await givenUp(email, 'reset-password')
    assert.notEqual(newer.id, mail.id)
    await staysGivenUp(mail.id)
    assert.equal((await retry(newer.id)).code, 0)
  })

  it('stays given up once its account was closed', async () => {
    const { user, mail } = await givenUpReset()
    await disableUser(flow.server.app, operatorAct, user.id)
    await staysGivenUp(mail.id)
  })

  it('stays given up where nobody can tell whether its link is good', async () => {
    const { mail } = await givenUpReset()
    const { db } = flow.server.app.database
    const sealed = seal([randomBytes(32)], `mail ${mail.id}`, Buffer.from('{}'))
    await db.updateTable('outbox').set({ sealed }).where('id', '=', mail.id).execute()
    const { code, stderr } = await retry(mail.id)
    assert.deepEqual([code, await stateOf(mail.id)], [64, 'failed'])
    assert.match(stderr, /No master key that is known here opens it/)
  })
})
