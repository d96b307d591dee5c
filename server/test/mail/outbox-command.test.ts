import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { command as doctor } from '../../src/cli/doctor.ts'
import { command as outbox } from '../../src/cli/outbox.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { parseSmtpUrl } from '../../src/config/smtp-url.ts'
import { inTransaction } from '../../src/database/transaction.ts'
import { createOneTimeToken } from '../../src/domain/links/create.ts'
import { findMail } from '../../src/domain/outbox/store.ts'
import { type Mail, mailQueued, queueMail } from '../../src/flows/queue-mail.ts'
import { newId } from '../../src/random.ts'
import { runCommand } from '../support/run-command.ts'
import { startTestServer, type TestServer, testMasterKey } from '../support/server.ts'
import { sinkUrl, startSmtpSink } from '../support/smtp-sink.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'ntt-auth-outbox-'))
after(() => rmSync(dataDir, { recursive: true, force: true }))
const databaseUrl = `sqlite:${join(dataDir, 'ntt-auth.db')}`
const env = {
  NTT_AUTH_DATA_DIR: dataDir,
  NTT_AUTH_MASTER_KEY: testMasterKey,
  NTT_AUTH_DATABASE_URL: databaseUrl,
}

describe('ntt-auth outbox', () => {
  let server: TestServer
  let mail: Mail
  const run = (...args: string[]) => runCommand(outbox, args, env)
  const list = async (...args: string[]) => JSON.parse((await run('list', '--json', ...args)).stdout)

  before(async () => {
    server = await startTestServer(databaseUrl, { dataDir })
    const ada = { id: newId(1), email: 'ada@example.com' }
    const { token } = await inTransaction(server.app.database, (tx) =>
      createOneTimeToken(tx, 'invitation', ada, server.clock.now(), true),
    )
    mail = {
      to: ada.email,
      template: 'invitation',
      locale: 'de',
      data: { link: `https://app.example.com/reset-password#token=${token}`, hours: '24' },
      expiresAt: server.clock.now() + 1_000_000,
    }
    await inTransaction(server.app.database, (tx) => queueMail(server.app, tx, mail))
    mailQueued(server.app, mail)
  })
  after(() => server.close())

  it('shows mail that waits with its link, where there is no mail server', async () => {
    const [shown, ...more] = await list()
    assert.deepEqual(more, [])
    assert.deepEqual(
      [shown.to, shown.template, shown.state, shown.link, shown.attempts],
      ['ada@example.com', 'invitation', 'waiting', (mail.data as { link: string }).link, 0],
    )
    assert.match((await run()).stdout, /waiting .* invitation {2}ada@example\.com {2}https:\/\/app/)
    assert.deepEqual(await list('--state', 'sent'), [])
  })

  it('shows a mail whole', async () => {
    const [{ id }] = await list()
    const { mail: whole } = JSON.parse((await run('show', id, '--json')).stdout)
    assert.equal(whole.subject, 'Du bist eingeladen')
    assert.match((await run('show', id)).stdout, /Subject: Du bist eingeladen\n\nHallo,/)
  })

  it('has the link in the log in development, and nowhere else', async () => {
    assert.equal(server.log.filter(({ event }) => event === 'mail_kept').length, 1)
    const production = await startTestServer(`sqlite:${join(dataDir, 'other.db')}`, {
      settings: { ENV: 'production', TRUSTED_PROXIES: 'none', RATE_LIMITS: 'on' },
    })
    await inTransaction(production.app.database, (tx) => queueMail(production.app, tx, mail))
    mailQueued(production.app, mail)
    await production.close()
    assert.doesNotMatch(JSON.stringify(production.log), /ntto_/)
  })

  it('lets what was given up be tried again, and says no to the rest', async () => {
    const [{ id }] = await list()
    assert.equal((await run('retry', id)).code, 64)
    const { db } = server.app.database
    await db.updateTable('outbox').set({ state: 'failed', attempts: 20 }).where('id', '=', id).execute()
    assert.equal((await list('--state', 'failed')).length, 1)
    const { expires_at } = (await findMail(db, id))!
    await db
      .updateTable('outbox')
      .set({ expires_at: Date.now() - 1 })
      .where('id', '=', id)
      .execute()
    const tooLate = await run('retry', id)
    assert.equal(tooLate.code, 64)
    assert.match(tooLate.stderr, /of use until .*: its link is over/)
    await db.updateTable('outbox').set({ expires_at }).where('id', '=', id).execute()
    assert.equal((await run('retry', id)).code, 0)
    const [again] = await list()
    assert.deepEqual([again.state, again.attempts], ['waiting', 0])
    assert.equal((await findMail(db, id))!.expires_at, expires_at, 'its link does not live longer')
  })

  it('holds, releases and discards what waits, all of it or one mail', async () => {
    const [{ id }] = await list()
    const states = async () => (await list()).map(({ state }: { state: string }) => state)
    const held = (...args: string[]) => run('hold', ...args, '--json')
    assert.deepEqual(JSON.parse((await held('--before', '2020-01-01T00:00:00Z')).stdout), { held: 0 })
    assert.deepEqual(await states(), ['waiting'])
    assert.deepEqual(JSON.parse((await held()).stdout), { held: 1 })
    assert.equal((await list('--state', 'held'))[0].id, id)
    assert.match((await run('show', id)).stdout, /Subject: /)
    assert.match((await run('hold', id)).stderr, /Only mail that waits can be held/)
    assert.deepEqual(await run('release', id), { code: 0, stdout: '1 mails released.\n', stderr: '' })
    assert.equal((await run('release', id)).code, 64)

    const copy = { ...mail, to: 'bob@example.com' }
    await inTransaction(server.app.database, (tx) => queueMail(server.app, tx, copy))
    const [{ id: other }] = await list()
    assert.equal((await run('discard', other, '--yes')).stdout, '1 mails discarded.\n')
    assert.deepEqual(await states(), ['failed', 'waiting'])
    assert.equal((await run('retry', other)).code, 64, 'what it said is deleted')
    assert.equal((await run('discard', newId(1), '--yes')).code, 5)
  })

  it('shows nothing of a mail that was sent', async () => {
    const id = (await list()).at(-1).id
    const { db } = server.app.database
    await db
      .updateTable('outbox')
      .set({ state: 'sent', sealed: Buffer.alloc(0) })
      .where('id', '=', id)
      .execute()
    const shown = (await list()).at(-1)
    assert.deepEqual([shown.link, shown.state], [null, 'sent'])
    assert.match((await run('show', id)).stdout, /What it said is deleted/)
  })

  it('refuses what it does not understand', async () => {
    assert.equal((await run('show', newId(1))).code, 5)
    assert.equal((await run('show', 'nonsense')).code, 5)
    for (const args of [
      ['show'],
      ['send', 'x'],
      ['list', 'x'],
      ['--state', 'gone'],
      ['show', 'x', '--state', 'sent'],
      ['hold', 'x', 'y'],
      ['hold', 'x', '--before', '2026-01-01T00:00:00Z'],
      ['hold', '--yes'],
      ['list', '--before', '2026-01-01T00:00:00Z'],
      ['discard', '--yes'],
      ['discard', '--all'],
      ['discard', 'x', '--all', '--yes'],
    ]) {
      await assert.rejects(run(...args), UsageError)
    }
  })
})

describe('ntt-auth doctor', () => {
  type Found = { about: string; level: string; says: string; remedy?: string }
  const findingsAbout = async (wanted: string, more: Record<string, string> = {}) => {
    const { stdout } = await runCommand(doctor, ['--json'], { ...env, ...more })
    return (JSON.parse(stdout) as { findings: Found[] }).findings.filter(({ about }) => about === wanted)
  }
  const mailFindings = async (more: Record<string, string>) =>
    (await findingsAbout('mail', more)).map(({ level, says }) => `${level} ${says}`)

  it('says how many mails are held, and what to type', async () => {
    assert.deepEqual(await findingsAbout('outbox'), [{ level: 'ok', says: 'No mail is held.', about: 'outbox' }])
    const server = await startTestServer(databaseUrl, { dataDir })
    const notice: Mail = {
      to: 'ada@example.com',
      template: 'address-in-use',
      locale: null,
      data: {},
      expiresAt: server.clock.now() + 1_000_000,
    }
    await inTransaction(server.app.database, (tx) => queueMail(server.app, tx, notice))
    await server.close()
    await runCommand(outbox, ['hold'], env)
    const [found] = await findingsAbout('outbox')
    assert.match(`${found!.level} ${found!.says}`, /^warning [12] mails are held/)
    assert.match(found!.remedy!, /ntt-auth outbox release/)
    await runCommand(outbox, ['release'], env)
    assert.equal((await findingsAbout('outbox'))[0]!.level, 'ok')
  })

  it('meets the mail server, logs in, and sends nothing', async () => {
    const sink = await startSmtpSink()
    assert.deepEqual(await mailFindings({ NTT_AUTH_SMTP_URL: sinkUrl(sink) }), [
      `ok The mail server localhost:${sink.port} takes us in.`,
    ])
    const [wrong] = await mailFindings({ NTT_AUTH_SMTP_URL: sinkUrl(sink, { user: 'mailer', password: 'no-no' }) })
    assert.match(wrong!, /^problem The mail server refused.*535/)
    assert.doesNotMatch(wrong!, /no-no/)
    assert.deepEqual(sink.received, [])
    await sink.close()
  })

  it('says so where the server offers no TLS, where there is none, and where none is set', async () => {
    const sink = await startSmtpSink({ open: true })
    const [clear] = await mailFindings({ NTT_AUTH_SMTP_URL: `smtp://localhost:${sink.port}` })
    assert.match(clear!, /^problem .*STARTTLS/)
    const [open] = await mailFindings({ NTT_AUTH_SMTP_URL: `smtp://localhost:${sink.port}?tls=off` })
    assert.match(open!, /^ok/)
    await sink.close()
    const [gone] = await mailFindings({ NTT_AUTH_SMTP_URL: `smtp://localhost:${sink.port}?tls=off` })
    assert.match(gone!, /^problem .*ESOCKET|ECONN/)
    assert.match((await mailFindings({}))[0]!, /^warning No mail server is set/)
  })

  it('reads the templates of the operator', async () => {
    const findings = await mailFindings({ NTT_AUTH_MAIL_TEMPLATES: join(dataDir, 'nowhere') })
    assert.match(findings[0]!, /^problem There is no directory/)
  })
})

describe('the address of a mail server', () => {
  it('is read with user, password, port and options', () => {
    assert.deepEqual(parseSmtpUrl('smtps://m%40x:p%3Aw@[::1]:2465/?ca=/etc/ca.pem'), {
      host: '::1',
      port: 2465,
      tls: 'implicit',
      caFile: '/etc/ca.pem',
      user: 'm@x',
      password: 'p:w',
    })
    assert.deepEqual(
      [parseSmtpUrl('smtp://mail.example.com').port, parseSmtpUrl('smtps://mail.example.com').port],
      [587, 465],
    )
    assert.equal(parseSmtpUrl('smtp://mail.example.com').tls, 'starttls')
  })

  it('is refused without repeating its password', () => {
    for (const url of [
      'http://mailer:secret@mail.example.com',
      'smtp://',
      'smtp://mailer:secret@mail.example.com/inbox',
      'smtp://mailer:secret@mail.example.com?tls=maybe',
      'smtp://mailer:secret@mail.example.com?tls=off',
      'smtps://mail.example.com?tls=off',
      'smtp://mailer:secret@mail.example.com?verify=no',
      'smtp://mailer:%secret@mail.example.com',
    ]) {
      assert.throws(
        () => parseSmtpUrl(url),
        (error: Error) => error.message.length > 20 && !error.message.includes('secret'),
        url,
      )
    }
  })
})
