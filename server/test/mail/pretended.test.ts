import assert from 'node:assert/strict'
import { before, it } from 'node:test'
import { listMail } from '../../src/domain/outbox/store.ts'
import { describeFlow, eventually } from '../flows/flow-server.ts'
import { registerSomebody } from '../support/server.ts'
import { withSink } from '../support/with-sink.ts'

describeFlow('an address that gets no link', (flow) => {
  const mailing = withSink(flow)

  /** How often each kind of statement is run by what an answer leaves behind. */
  const workOf = async (path: string, email: string) => {
    const { db } = mailing.node.app.database
    const count = async () => {
      const tables = ['one_time_tokens', 'audit_lines'] as const
      const rows = []
      for (const table of tables) {
        const query = db.selectFrom(table).select((each) => each.fn.countAll().as('count'))
        rows.push(Number((await query.executeTakeFirstOrThrow()).count))
      }
      return rows
    }
    const first = await count()
    const before = written
    await mailing.node.call('POST', path, { body: { email } })
    await eventually(() => mailing.node.app.afterwards.waiting === 0)
    const second = await count()
    return [...second.map((rows, place) => rows - first[place]!), written - before]
  }
  let written = 0
  before(() => {
    const { templates } = mailing.node.app.mail
    const { render } = templates
    templates.render = (...given) => {
      written++
      return render(...given)
    }
  })

  it('costs as much as one that does, and gets no mail', async () => {
    const { email } = await registerSomebody(mailing.node, 'known@example.com')
    await eventually(() => mailing.sink.received.length === 1)
    for (const path of ['/v1/auth/forgot-password', '/v1/auth/verify-email/resend']) {
      const settled = async (address: string) => {
        const before = written
        const [tokens, lines] = await workOf(path, address)
        await eventually(() => written === before + 1)
        return [tokens, lines]
      }
      // The second asking finds a link that is left alone.
      const [unknown, known, again] = [await settled('nobody@example.com'), await settled(email), await settled(email)]
      assert.deepEqual(unknown, [1, 1], path)
      assert.equal(known[1], 1)
      assert.deepEqual(again, [1, 1], path)
    }
    await eventually(async () => (await listMail(mailing.node.app.database.db, 'waiting', 9)).length === 0)
    const rows = await listMail(mailing.node.app.database.db, undefined, 99)
    assert.ok(rows.length > 0 && rows.every(({ recipient }) => recipient !== ''))
    assert.ok(mailing.sink.received.every(({ to }) => to.join() === email))
  })
})
