import type { App } from '../app.ts'
import type { Tx } from '../database/connect.ts'
import { seal, unseal } from '../domain/keys/seal.ts'
import { type Mail, type MailData, type MailName, nobody } from '../domain/outbox/mail.ts'
import { insertMail, type OutboxRow } from '../domain/outbox/store.ts'
import { newId } from '../random.ts'

export type { Mail }

/**
 * Writes a mail into the outbox, in the transaction that causes it: it is sent if, and only if, that commits. What it
 * says is sealed, because links hold tokens. The caller tells `mailQueued` after the commit. What somebody other
 * than its reader can cause goes by `queueWithin`.
 */
export async function queueMail(
  app: App,
  tx: Tx,
  { to, template, locale, data, expiresAt }: Mail,
  budget: string | null = null,
): Promise<void> {
  const now = app.clock.now()
  const id = newId(now)
  await insertMail(tx, {
    id,
    recipient: to,
    template,
    budget,
    locale,
    sealed: seal(app.masterKeys, labelOf(id), Buffer.from(JSON.stringify(data))),
    // Without a mail server it would wait for ever.
    state: to === nobody && app.mail.smtp === null ? 'sent' : 'waiting',
    claim: null,
    attempts: 0,
    due_at: now,
    expires_at: expiresAt,
    created_at: now,
    finished_at: null,
    last_error: null,
  })
}

/** After the commit. Where there is no mail server, a developer finds the links in the log. */
export function mailQueued(app: App, ...mails: Mail[]): void {
  if (mails.length === 0) return
  app.mail.wake()
  if (app.config.env !== 'development' || app.mail.smtp !== null) return
  for (const { to, template, data } of mails) {
    app.log.info({ event: 'mail_kept', to, template, ...('link' in data && { link: data.link }) })
  }
}

/** What a mail says, or null when it is over, or no master key that is known here sealed it. */
export function openMail(app: App, { id, sealed }: Pick<OutboxRow, 'id' | 'sealed'>): MailData | null {
  if (sealed.length === 0) return null
  const opened = unseal(app.masterKeys, labelOf(id), sealed)
  return opened && JSON.parse(opened.toString())
}

/** The mail whole, as it is or would be sent; null when it cannot be opened. */
export function renderMail(app: App, row: OutboxRow, data = openMail(app, row)) {
  if (data === null) return null
  const all = { ...data, email: row.recipient, service: new URL(app.config.publicUrl).host }
  return app.mail.templates.render(row.template as MailName, row.locale, all)
}

function labelOf(id: string): string {
  return `mail ${id}`
}
