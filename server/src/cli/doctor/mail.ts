import type { Config } from '../../config/config.ts'
import { parseSmtpUrl } from '../../config/smtp-url.ts'
import { type Finding, fine, problem, warning } from '../../database/finding.ts'
import { openMail } from '../../domain/outbox/open.ts'

/** Connects to the mail server, greets and logs in, and sends nothing; reads every template. */
export async function examineMail(config: Config): Promise<Finding[]> {
  const { smtpUrl, smtpTimeout: timeout, mailFrom, mailTemplates } = config
  const server = smtpUrl === null ? null : { ...parseSmtpUrl(smtpUrl), timeout }
  const { smtp, templates } = openMail(server, mailFrom, mailTemplates)
  const findings = templates
    .check()
    .map((complaint) => problem(complaint, 'Mend the file, or take it out of NTT_AUTH_MAIL_TEMPLATES.'))
  if (!smtp || !server) {
    const remedy = 'Set NTT_AUTH_SMTP_URL, or hand over what "ntt-auth outbox" shows.'
    return [...findings, warning('No mail server is set: mail stays in the database.', remedy)]
  }
  try {
    await smtp.verify()
    return [...findings, fine(`The mail server ${server.host}:${server.port} takes us in.`)]
  } catch (error) {
    const remedy = 'Check NTT_AUTH_SMTP_URL: host, port, user and password, and that the server offers TLS.'
    return [...findings, problem((error as Error).message, remedy)]
  }
}
