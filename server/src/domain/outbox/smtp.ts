import { readFileSync } from 'node:fs'
import type { Transporter } from 'nodemailer'
import { enhancedCode, judgeRefusal, type Refusal } from './refusal.ts'

/** Where mail goes out, and how. Times are milliseconds. */
export type SmtpServer = {
  host: string
  port: number
  /** TLS from the first byte, TLS by STARTTLS before anything is said, or none. */
  tls: 'implicit' | 'starttls' | 'off'
  /** A PEM file with the authorities that are trusted instead of the usual ones. */
  caFile: string | null
  user: string | null
  password: string | null
  /** How long a delivery may take. */
  timeout: number
}

export type Sender = { name: string | null; address: string }

export type Message = {
  id: string
  to: string
  subject: string
  text: string
  html: string
  locale: string
  date: number
}

export type Smtp = {
  /** @throws DeliveryError */
  send(message: Message): Promise<void>
  /** Connects, greets and logs in, and sends nothing. */
  verify(): Promise<void>
  close(): void
}

/** How many deliveries a process has under way at once, each on a connection that is used again. */
export const connections = 4

/** Its message is fit for the operator: it holds nothing of the mail. */
export class DeliveryError extends Error {
  readonly refused: Refusal

  constructor(message: string, refused: Refusal) {
    super(message)
    this.refused = refused
  }
}

/** Opens nothing yet: the library is loaded, and the server is met, with the first mail. */
export function smtpTo(server: SmtpServer, from: Sender): Smtp {
  let opened: Promise<Transporter> | undefined
  const transport = () => {
    opened ??= open(server).catch((error) => {
      opened = undefined
      throw error
    })
    return opened
  }
  return {
    async send(message) {
      try {
        const transporter = await transport()
        await within(server.timeout, transporter.sendMail(envelopeAndBody(message, from)))
      } catch (error) {
        throw failure(error)
      }
    },
    async verify() {
      const transporter = await open(server)
      try {
        await within(server.timeout, transporter.verify())
      } catch (error) {
        throw failure(error)
      } finally {
        transporter.close()
      }
    },
    close() {
      opened?.then((transporter) => transporter.close()).catch(() => undefined)
    },
  }
}

async function open(server: SmtpServer): Promise<Transporter> {
  const { createTransport } = await import('nodemailer')
  const { host, port, tls, caFile, user, password, timeout } = server
  return createTransport({
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'off',
    tls: { minVersion: 'TLSv1.2', ...(caFile !== null && { ca: readFileSync(caFile) }) },
    ...(user !== null && { auth: { user, pass: password ?? '' } }),
    pool: true,
    maxConnections: connections,
    maxMessages: 100,
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    dnsTimeout: timeout,
    socketTimeout: timeout,
    // Nothing that a template says makes us read a file or call an address.
    disableFileAccess: true,
    disableUrlAccess: true,
    logger: false,
  } as Parameters<typeof createTransport>[0])
}

/** Addresses go as objects: nobody takes them apart again. */
function envelopeAndBody({ id, to, subject, text, html, locale, date }: Message, from: Sender) {
  const domain = from.address.slice(from.address.lastIndexOf('@') + 1)
  return {
    from: { name: from.name ?? '', address: from.address },
    to: { name: '', address: to },
    envelope: { from: from.address, to: [to] },
    // The same for every try, so that a mailbox can tell a second copy.
    messageId: `<${id}@${domain}>`,
    date: new Date(date),
    subject,
    text,
    html,
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All', 'Content-Language': locale },
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}

/** The library's timeouts are those of single steps; a server that answers each of them slowly would outlast the lease. */
async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeliveryError('The mail server took too long.', 'passing')), milliseconds)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
    work.catch(() => undefined)
  }
}

function failure(error: unknown): DeliveryError {
  if (error instanceof DeliveryError) return error
  const { code, command, response } = error as { code?: string; command?: string; response?: string }
  const answer = typeof response === 'string' ? response : ''
  const parts = [code, command, /^\d{3}/.exec(answer)?.[0], enhancedCode(answer)].filter(Boolean)
  const refused = judgeRefusal(command ?? null, answer)
  return new DeliveryError(`${sentences[refused]} (${parts.join(' ') || 'no code'}).`, refused)
}

const sentences: Record<Refusal, string> = {
  recipient: 'The mail server refused this recipient for good',
  us: 'The mail server refused us, whoever the mail is for: sender, login, TLS, relaying or its policy',
  passing: 'The mail server refused, or was out of reach',
}
