import { type Sender, type Smtp, type SmtpServer, smtpTo } from './smtp.ts'
import { mailTemplates, type Templates } from './templates.ts'

export type MailRoom = {
  /** Null where mail stays in the database. */
  smtp: Smtp | null
  templates: Templates
  /** Somebody has written a mail: whoever delivers here may look at once. */
  wake(): void
  onWake(look: () => void): void
  close(): void
}

/** What it takes to write and to send mail; opens no connection. @param directory the operator's templates, or null */
export function openMail(server: SmtpServer | null, from: Sender, directory: string | null): MailRoom {
  const smtp = server && smtpTo(server, from)
  let look = () => {}
  return {
    smtp,
    templates: mailTemplates(directory),
    wake: () => look(),
    onWake(then) {
      look = then
    },
    close: () => smtp?.close(),
  }
}
