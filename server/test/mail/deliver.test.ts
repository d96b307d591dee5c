import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { inTransaction } from '../../src/database/transaction.ts'
import { hashOneTimeToken } from '../../src/domain/links/create.ts'
import { insertOneTimeToken } from '../../src/domain/links/store.ts'
import { enhancedCode, judgeRefusal } from '../../src/domain/outbox/refusal.ts'
import { mostAttempts, nextAttemptAt } from '../../src/domain/outbox/retry.ts'
import { DeliveryError } from '../../src/domain/outbox/smtp.ts'
import { findMail, listMail } from '../../src/domain/outbox/store.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { deliverDueMail, measureMail } from '../../src/flows/deliver-mail.ts'
import { discardMail, holdMail, releaseMail } from '../../src/flows/hold-mail.ts'
import { type Mail, mailQueued, openMail, queueMail } from '../../src/flows/queue-mail.ts'
import { newId } from '../../src/random.ts'
import { describeQuickFlow, eventually, hour, minute } from '../flows/flow-server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { headersOf, partsOf, type SmtpSink, sinkUrl, startSmtpSink } from '../support/smtp-sink.ts'

/** Of links that are good for as long as the tests take. */
const secret = 'ntto_secret'.padEnd(48, '-')

describeQuickFlow('the outbox', (flow) => {
  let sink: SmtpSink
  let node: TestServer

  const invitation = (to: string, data = {}): Mail => ({
    to,
    template: 'invitation',
    locale: 'de',
    data: { link: `https://app.example.com/reset-password#token=${secret}`, hours: '24', ...data },
    expiresAt: node.clock.now() + 24 * hour,
  })
  const queue = async (mail: Mail, wake = true) => {
    await inTransaction(node.app.database, (tx) => queueMail(node.app, tx, mail))
    if (wake) mailQueued(node.app, mail)
    return (await rowTo(mail.to))!.id
  }
  const rowTo = async (to: string) =>
    (await listMail(node.app.database.db, undefined, 200)).find(({ recipient }) => recipient === to)
  const mailTo = (to: string) => sink.received.filter((mail) => mail.to.includes(to))
  const heldNow = async () => {
    await measureMail(node.app)
    return [...node.app.meter.found('ntt_auth_outbox_rows')].find(({ labels }) => labels.state === 'held')!.value
  }
  const deliver = () => deliverDueMail(node.app, node.app.mail.smtp!, () => false)

  before(async () => {
    sink = await startSmtpSink()
    node = await startTestServer(flow.url, {
      clock: flow.server.clock,
      settings: {
        SMTP_URL: sinkUrl(sink),
        SMTP_TIMEOUT: '5s',
        MAIL_FROM: 'Prüfstelle <no-reply@auth.example.com>',
      },
    })
    const now = node.clock.now()
    await insertOneTimeToken(node.app.database.db, {
      id: newId(now),
      hash: hashOneTimeToken(secret),
      purpose: 'invitation',
      user_id: newId(now),
      email: 'ada@example.com',
      created_at: now,
      expires_at: now + 1000 * hour,
      used_at: null,
      mailed: 1,
    })
  })
  after(async () => {
    await node.close()
    await sink.close()
  })

  it('hands a mail over with TLS and password, whole, and then forgets what it said', async () => {
    const id = await queue(invitation('ada@example.com', { name: 'Ada "<b>" Löwe' }))
    await eventually(async () => (await rowTo('ada@example.com'))!.state === 'sent')
    const [mail, ...more] = mailTo('ada@example.com')
    assert.deepEqual(more, [])
    assert.deepEqual([mail!.tls, mail!.user, mail!.from], [true, 'mailer', 'no-reply@auth.example.com'])
    const headers = headersOf(mail!.raw)
    assert.equal(headers.get('from'), 'Prüfstelle <no-reply@auth.example.com>')
    assert.equal(headers.get('to'), 'ada@example.com')
    assert.equal(headers.get('subject'), 'Du bist eingeladen')
    assert.equal(headers.get('message-id'), `<${id}@auth.example.com>`)
    assert.equal(headers.get('auto-submitted'), 'auto-generated')
    assert.equal(headers.get('content-language'), 'de')
    const { text, html } = partsOf(mail!.raw)
    assert.match(text, /Hallo Ada "<b>" Löwe,/)
    assert.match(text, /^https:\/\/app\.example\.com\/reset-password#token=ntto_secret-+$/m)
    assert.match(html, /Ada &quot;&lt;b&gt;&quot; Löwe/)
    const row = (await findMail(node.app.database.db, id))!
    assert.deepEqual([row.sealed.length, row.attempts, row.last_error], [0, 1, null])
  })

  it('keeps nothing readable of a mail that waits', async () => {
    const id = await queue(invitation('sealed@example.com'), false)
    const row = (await findMail(node.app.database.db, id))!
    assert.doesNotMatch(row.sealed.toString('latin1'), /ntto_|https/)
    assert.equal(openMail(node.app, { ...row, id: newId(node.clock.now()) }), null, 'nor does it open as another mail')
    await deliver()
  })

  it('sends nothing of a transaction that failed', async () => {
    const mail = invitation('undone@example.com')
    const failing = inTransaction(node.app.database, async (tx) => {
      await queueMail(node.app, tx, mail)
      throw new Error('on purpose')
    })
    await assert.rejects(failing, /on purpose/)
    await deliver()
    assert.deepEqual([await rowTo(mail.to), mailTo(mail.to)], [undefined, []])
  })

  it('sends nothing that an operator holds or discards, and what was released once', async () => {
    const held = invitation('held@example.com')
    const [id, other] = [await queue(held, false), await queue(invitation('discarded@example.com'), false)]
    assert.equal(await holdMail(node.app, operatorAct, { before: node.clock.now() - hour }), 0, 'it is younger')
    assert.equal(await holdMail(node.app, operatorAct, {}), 2)
    assert.equal(await heldNow(), 2)
    const later = await queue(invitation('later@example.com'), false)
    await deliver()
    assert.deepEqual([mailTo('held@example.com'), mailTo('discarded@example.com')], [[], []])
    assert.equal((await findMail(node.app.database.db, later))!.state, 'sent', 'what is written later goes out')

    assert.equal(await discardMail(node.app, operatorAct, { id: other }), 1)
    assert.equal(await releaseMail(node.app, operatorAct, {}), 1, 'what was discarded stays so')
    await eventually(async () => (await findMail(node.app.database.db, id))!.state === 'sent')
    assert.equal(mailTo('held@example.com').length, 1)
    assert.deepEqual(mailTo('discarded@example.com'), [])
    assert.equal(await heldNow(), 0)
    const gone = (await findMail(node.app.database.db, other))!
    assert.deepEqual([gone.state, gone.sealed.length, gone.last_error], ['failed', 0, 'An operator discarded it.'])
    const query = node.app.database.db.selectFrom('audit_lines').select(['event', 'details']).orderBy('seq')
    const lines = await query.where('event', 'like', 'mail%').execute()
    assert.deepEqual(
      lines.map(({ event, details }) => [event, JSON.parse(details).count]),
      [
        ['mail_held', 2],
        ['mail_discarded', 1],
        ['mail_released', 1],
      ],
      'and nothing where there was nothing to do',
    )
  })

  it('takes a mail for sent that was held while it was under way', async () => {
    const id = await queue(invitation('under-way@example.com'), false)
    sink.refuse = (to) => {
      if (to === 'under-way@example.com') held ??= holdMail(node.app, operatorAct, { id })
      return null
    }
    let held: Promise<number> | undefined
    const { send } = node.app.mail.smtp!
    node.app.mail.smtp!.send = async (mail) => {
      await send(mail)
      assert.equal(await held, 1)
    }
    try {
      await deliver()
    } finally {
      node.app.mail.smtp!.send = send
      sink.refuse = null
    }
    assert.equal((await findMail(node.app.database.db, id))!.state, 'sent')
    assert.equal(await releaseMail(node.app, operatorAct, { id }), 0)
  })

  it('tries again later when the server cannot take it now, and each time later still', async () => {
    sink.refuse = (to) => (to.startsWith('busy') ? { code: 451, text: 'try again ntto_secret' } : null)
    const id = await queue(invitation('busy@example.com'), false)
    await deliver()
    const first = (await findMail(node.app.database.db, id))!
    assert.deepEqual([first.state, first.attempts], ['waiting', 1])
    assert.match(first.last_error!, /451/)
    assert.doesNotMatch(first.last_error!, /ntto_/, 'what the server says is not kept')
    assert.ok(first.due_at > node.clock.now())
    await deliver()
    assert.equal((await findMail(node.app.database.db, id))!.attempts, 1, 'not before its time')
    node.clock.advance(minute)
    sink.refuse = null
    await deliver()
    // The node itself may have been quicker, and be under way.
    await eventually(async () => (await findMail(node.app.database.db, id))!.state === 'sent')
    assert.equal(mailTo('busy@example.com').length, 1)
  })

  it('gives up at once where the recipient is refused for good, and keeps that to be seen', async () => {
    sink.refuse = (to) => (to.startsWith('nobody') ? { code: 550, text: 'no such mailbox' } : null)
    const id = await queue(invitation('nobody@example.com'), false)
    await deliver()
    sink.refuse = null
    const row = (await findMail(node.app.database.db, id))!
    assert.deepEqual([row.state, row.attempts], ['failed', 1])
    assert.match(row.last_error!, /550/)
  })

  it('keeps trying, and alarms, where the server refuses us and not the recipient', async () => {
    const refusals = [
      () => (sink.refuseSender = { code: 550, text: 'sender rejected' }),
      () => (sink.refuse = () => ({ code: 554, text: '5.7.1 relay access denied' })),
    ]
    for (const [index, refuse] of refusals.entries()) {
      refuse()
      const id = await queue(invitation(`ours-${index}@example.com`), false)
      await deliver()
      sink.refuse = null
      sink.refuseSender = null
      const row = (await findMail(node.app.database.db, id))!
      assert.deepEqual([row.state, row.attempts], ['waiting', 1])
      assert.match(row.last_error!, /refused us/)
      assert.match(row.last_error!, index === 0 ? /MAIL FROM 550\)/ : /RCPT TO 554 5\.7\.1\)/)
      const [line] = node.log.filter(({ mail }) => mail === id)
      assert.deepEqual([line!.level, line!.event], ['error', 'mail_refused'])
      node.clock.advance(minute)
      await deliver()
      await eventually(async () => (await findMail(node.app.database.db, id))!.state === 'sent')
    }
    const counted = [...node.app.meter.counted('ntt_auth_outbox_deliveries_total')]
    assert.equal(counted.find(({ labels }) => labels.result === 'refused')!.value, 2)
  })

  it('gives up what would come too late, and deletes what it said', async () => {
    const id = await queue({ ...invitation('late@example.com'), expiresAt: node.clock.now() }, false)
    await deliver()
    const row = (await findMail(node.app.database.db, id))!
    assert.deepEqual([row.state, row.sealed.length, mailTo('late@example.com').length], ['failed', 0, 0])
  })

  it('gives up when the next try would come too late, and deletes what it said', async () => {
    sink.refuse = (to) => (to.startsWith('soon') ? { code: 451, text: 'not now' } : null)
    const id = await queue({ ...invitation('soon-late@example.com'), expiresAt: node.clock.now() + 5000 }, false)
    await deliver()
    sink.refuse = null
    const row = (await findMail(node.app.database.db, id))!
    assert.deepEqual([row.state, row.sealed.length, row.attempts], ['failed', 0, 1])
  })

  it('gives up after the last of its tries, and keeps what it said for an operator who tries again', async () => {
    sink.refuse = (to) => (to.startsWith('always-busy') ? { code: 451, text: 'not now' } : null)
    const id = await queue(invitation('always-busy@example.com'), false)
    const states: string[] = []
    for (const attempts of [mostAttempts - 2, mostAttempts - 1]) {
      const { db } = node.app.database
      await db.updateTable('outbox').set({ attempts, due_at: node.clock.now() }).where('id', '=', id).execute()
      await deliver()
      states.push((await findMail(db, id))!.state)
    }
    sink.refuse = null
    assert.deepEqual(states, ['waiting', 'failed'])
    assert.ok((await findMail(node.app.database.db, id))!.sealed.length > 0)
  })

  it('waits with a wrong password, and goes on when it is mended', async () => {
    const wrong = await startTestServer(flow.url, {
      clock: flow.server.clock,
      settings: { SMTP_URL: sinkUrl(sink, { user: 'mailer', password: 'wrong' }) },
    })
    const id = await queue(invitation('patient@example.com'), false)
    await deliverDueMail(wrong.app, wrong.app.mail.smtp!, () => false)
    const row = (await findMail(node.app.database.db, id))!
    assert.deepEqual([row.state, row.attempts], ['waiting', 1])
    assert.match(row.last_error!, /535/)
    assert.doesNotMatch(JSON.stringify(wrong.log), /"wrong"|ntto_secret/)
    await wrong.close()
    node.clock.advance(minute)
    await deliver()
    // The node itself may have been quicker, and be under way.
    await eventually(async () => (await findMail(node.app.database.db, id))!.state === 'sent')
    assert.equal(mailTo('patient@example.com').length, 1)
  })

  it('leaves a mail of a dead node to others when the time of its claim is over', async () => {
    const id = await queue(invitation('orphan@example.com'), false)
    const row = (await findMail(node.app.database.db, id))!
    await node.app.database.db
      .updateTable('outbox')
      .set({ claim: 'of-the-dead', due_at: row.due_at + 10_000, attempts: 1 })
      .where('id', '=', id)
      .execute()
    await deliver()
    assert.equal(mailTo('orphan@example.com').length, 0)
    node.clock.advance(10_001)
    await deliver()
    assert.equal(mailTo('orphan@example.com').length, 1)
  })

  it('stays with who took it over, whatever the first to claim it has to say afterwards', async () => {
    const id = await queue(invitation('taken-over@example.com'), false)
    const { db } = node.app.database
    const { send } = node.app.mail.smtp!
    node.app.mail.smtp!.send = async () => {
      const other = { claim: 'of another', due_at: node.clock.now() + hour }
      await db.updateTable('outbox').set(other).where('id', '=', id).execute()
      if (fails) throw new DeliveryError('Not now.', 'recipient')
    }
    let fails = false
    try {
      for (fails of [false, true]) {
        await db.updateTable('outbox').set({ due_at: node.clock.now() }).where('id', '=', id).execute()
        await deliver()
        const row = (await findMail(db, id))!
        assert.deepEqual([row.state, row.claim, row.last_error], ['waiting', 'of another', null])
        assert.ok(row.sealed.length > 0)
      }
    } finally {
      node.app.mail.smtp!.send = send
    }
    await db.deleteFrom('outbox').where('id', '=', id).execute()
  })

  it('is left to the node that is sending it, as long as it is', async () => {
    await queue(invitation('slow@example.com'), false)
    sink.pause = 400
    const sending = deliver()
    await eventually(() => mailTo('slow@example.com').length === 1)
    await deliver()
    await sending
    sink.pause = 0
    assert.equal(mailTo('slow@example.com').length, 1)
  })

  it('goes out once though many nodes look at the same time', async () => {
    const other = await startTestServer(flow.url, {
      clock: flow.server.clock,
      settings: { SMTP_URL: sinkUrl(sink) },
    })
    for (let index = 0; index < 20; index++) await queue(invitation(`one-${index}@example.com`), false)
    await Promise.all([deliver(), deliverDueMail(other.app, other.app.mail.smtp!, () => false), deliver()])
    await eventually(() => sink.received.filter(({ to }) => to[0]!.startsWith('one-')).length >= 20)
    await other.close()
    const ids = sink.received.filter(({ to }) => to[0]!.startsWith('one-')).map(({ messageId }) => messageId)
    assert.deepEqual([ids.length, new Set(ids).size], [20, 20])
  })
})

it('waits longer from try to try, up to an hour, and not all at the same time', () => {
  const pause = (attempts: number, random: number) => nextAttemptAt(attempts, 0, random)
  assert.deepEqual([pause(1, 0), pause(1, 0.5), pause(2, 0.5)], [7500, 10_000, 20_000])
  assert.equal(pause(mostAttempts, 0.5), hour)
  assert.notEqual(pause(3, 0.1), pause(3, 0.9))
})

it('tells a recipient that does not exist from a server that will not have us, in the words of real servers', () => {
  const cases: [expected: string, command: string | null, answer: string][] = [
    ['recipient', 'RCPT TO', '550 5.1.1 <nobody@example.com>: Recipient address rejected: User unknown in table'],
    ['recipient', 'RCPT TO', '550-5.1.1 The email account that you tried to reach does not exist. Please try'],
    ['recipient', 'RCPT TO', '550 No such user here'],
    ['recipient', 'RCPT TO', '551 User not local'],
    ['recipient', 'RCPT TO', '553 sorry, no mailbox here by that name'],
    ['recipient', 'RCPT TO', '552 5.2.2 Mailbox full'],
    ['recipient', 'RCPT TO', '550 5.4.1 Recipient address rejected: Access denied.'],
    ['recipient', 'RCPT TO', '554 5.1.2 Bad destination system address'],
    ['recipient', 'DATA', '550 5.1.1 unknown user'],
    ['us', 'MAIL FROM', '550 5.1.0 sender rejected'],
    ['us', 'MAIL FROM', '553 5.7.1 Sender address rejected: not owned by user mailer'],
    ['us', 'RCPT TO', '554 5.7.1 <ada@example.com>: Relay access denied'],
    ['us', 'RCPT TO', '554 Relay denied'],
    ['us', 'RCPT TO', '550 relay not permitted'],
    ['us', 'RCPT TO', "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"],
    ['us', 'RCPT TO', '550 5.1.8 Sender domain not found'],
    ['us', 'RCPT TO', '550 Sender verify failed'],
    ['us', 'RCPT TO', '550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus'],
    ['us', 'RCPT TO', '530 5.7.0 Authentication required'],
    ['us', 'RCPT TO', '503 5.5.1 Bad sequence of commands'],
    ['us', 'RCPT TO', '550-Please turn on SMTP Authentication in your mail client'],
    ['us', 'DATA', '554 5.7.1 Message rejected as spam by Content Filtering'],
    ['us', 'DATA', '550 Message rejected'],
    ['us', 'AUTH PLAIN', '535 5.7.8 Error: authentication failed'],
    ['us', null, '554 5.7.1 You are not welcome'],
    ['passing', 'RCPT TO', '450 4.2.0 Greylisted'],
    ['passing', 'MAIL FROM', '421 4.3.2 Shutting down'],
    ['passing', 'CONN', ''],
    ['passing', null, ''],
  ]
  for (const [expected, command, answer] of cases) assert.equal(judgeRefusal(command, answer), expected, answer)
  assert.equal(enhancedCode('553 not in rcpthosts (#5.7.1)'), '5.7.1')
  assert.equal(enhancedCode('550 5.1.1 ntto_secret'), '5.1.1')
  assert.equal(enhancedCode('550 no such 5.1.1'), null)
})

it('sends nothing to a server that offers no TLS, and does where that was asked for', async () => {
  const sink = await startSmtpSink({ open: true })
  const { smtpTo } = await import('../../src/domain/outbox/smtp.ts')
  const server = { host: 'localhost', port: sink.port, caFile: null, user: null, password: null, timeout: 5000 }
  const message = { id: 'id', to: 'ada@example.com', subject: 's', text: 't', html: 'h', locale: 'en', date: 0 }
  const from = { name: null, address: 'no-reply@example.com' }
  const careful = smtpTo({ ...server, tls: 'starttls' }, from)
  await assert.rejects(careful.send(message), { refused: 'us' })
  assert.deepEqual(sink.received, [])
  const open = smtpTo({ ...server, tls: 'off' }, from)
  await open.send(message)
  assert.equal(sink.received.length, 1)
  careful.close()
  open.close()
  await sink.close()
})

it('gives every header one line, whatever stands in a name, a subject or an address', async () => {
  const sink = await startSmtpSink({ open: true })
  const { smtpTo } = await import('../../src/domain/outbox/smtp.ts')
  const server = { host: 'localhost', port: sink.port, caFile: null, user: null, password: null, timeout: 5000 }
  const from = { name: 'A "B" <c@evil.example>, d\r\nBcc: all@evil.example', address: 'no-reply@example.com' }
  const smtp = smtpTo({ ...server, tls: 'off' }, from)
  const subject = 'Hi\r\nBcc: all@evil.example\r\n\r\nforged body'
  for (const to of ["o'hara+tag/x={}@xn--bcher-kva.example", 'a%b@example.com']) {
    await smtp.send({ id: 'id', to, subject, text: '.\r\n.\r\nQUIT\r\n', html: 'h', locale: 'en', date: 0 })
    const { to: recipients, raw } = sink.received.at(-1)!
    // The sink shows a domain in the letters it stands for.
    assert.deepEqual(recipients, [to.replace('xn--bcher-kva', 'bücher')])
    const headers = headersOf(raw)
    assert.equal(headers.has('bcc'), false)
    assert.equal(headers.get('to'), to)
    assert.match(headers.get('subject')!, /^Hi ?.*Bcc: all@evil\.example/)
    assert.match(partsOf(raw).text, /QUIT/)
  }
  smtp.close()
  await sink.close()
})
