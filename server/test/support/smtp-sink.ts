import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { localhostCertificate } from './localhost-certificate.ts'

export type Received = {
  to: string[]
  from: string
  messageId: string
  raw: string
  user: string | undefined
  tls: boolean
}

export type SmtpSink = {
  port: number
  /** The file of the certificate that must be trusted to reach it. */
  authority: string
  received: Received[]
  /** What the server answers to the recipient instead of taking it; null takes it. */
  refuse: ((recipient: string) => { code: number; text: string } | null) | null
  /** What it answers to the sender, whoever the mail is for; null takes it. */
  refuseSender: { code: number; text: string } | null
  /** Milliseconds before it says that it has taken a message. */
  pause: number
  onReceived: ((mail: Received) => void) | null
  close(): Promise<void>
}

export const sinkUser = { user: 'mailer', password: 'p@ss/word:1' }

/** A real SMTP server that keeps what it gets: STARTTLS and a password are demanded, unless `open`. */
export async function startSmtpSink({ open = false, port = 0, secure = false } = {}): Promise<SmtpSink> {
  const { key, cert, certFile: authority } = localhostCertificate()
  const nothing = {
    received: [],
    refuse: null,
    refuseSender: null,
    pause: 0,
    onReceived: null,
    close: async () => undefined,
  }
  const sink: SmtpSink = { port: 0, authority, ...nothing }
  const server = new SMTPServer({
    key,
    cert,
    secure,
    authMethods: ['PLAIN', 'LOGIN'],
    authOptional: open,
    disabledCommands: open ? ['AUTH', 'STARTTLS'] : [],
    logger: false,
    onAuth(auth, session, done) {
      if (!session.secure) return done(new Error('not in the clear'))
      if (auth.username !== sinkUser.user || auth.password !== sinkUser.password) {
        return done(Object.assign(new Error('wrong password'), { responseCode: 535 }))
      }
      done(null, { user: auth.username })
    },
    onMailFrom(_address, _session, done) {
      const refusal = sink.refuseSender
      done(refusal && Object.assign(new Error(refusal.text), { responseCode: refusal.code }))
    },
    onRcptTo({ address }, _session, done) {
      const refusal = sink.refuse?.(address) ?? null
      done(refusal && Object.assign(new Error(refusal.text), { responseCode: refusal.code }))
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const raw = Buffer.concat(chunks).toString()
        const mail: Received = {
          to: session.envelope.rcptTo.map(({ address }) => address),
          from: (session.envelope.mailFrom as { address: string }).address,
          messageId: /^Message-ID: <(.+)>/im.exec(raw)?.[1] ?? '',
          raw,
          user: session.user as string | undefined,
          tls: session.secure,
        }
        sink.received.push(mail)
        sink.onReceived?.(mail)
        setTimeout(() => done(), sink.pause)
      })
    },
  })
  // Clients that are killed cut their connections.
  server.on('error', () => undefined)
  server.listen(port, '127.0.0.1')
  await once(server.server, 'listening')
  sink.port = (server.server.address() as AddressInfo).port
  sink.close = () => new Promise((resolve) => server.close(() => resolve()))
  return sink
}

/** The setting that leads to it, with TLS and password. */
export function sinkUrl(
  { port, authority }: Pick<SmtpSink, 'port' | 'authority'>,
  { user, password } = sinkUser,
): string {
  return `smtp://${user}:${encodeURIComponent(password)}@localhost:${port}?ca=${encodeURIComponent(authority)}`
}

/** The header of a message, unfolded and decoded as far as a reader of subjects would. */
export function headersOf(raw: string): Map<string, string> {
  const [head] = raw.split('\r\n\r\n') as [string]
  const lines = head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n')
  return new Map(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      decodeWords(line.slice(line.indexOf(':') + 2)),
    ]),
  )
}

function decodeWords(text: string): string {
  return text
    .replaceAll(/\?= =\?/g, '?==?')
    .replaceAll(/=\?UTF-8\?([QB])\?([^?]*)\?=/gi, (_, kind: string, value: string) =>
      kind.toUpperCase() === 'B' ? Buffer.from(value, 'base64').toString() : unquoted(value.replaceAll('_', ' ')),
    )
}

function unquoted(text: string): string {
  const bytes = text
    .replaceAll(/=\r\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}

/** The parts of a message by their type, decoded. */
export function partsOf(raw: string): { text: string; html: string } {
  const boundary = /boundary="([^"]+)"/.exec(raw)?.[1]
  const parts = { text: '', html: '' }
  for (const part of raw.split(`--${boundary}`)) {
    const at = part.indexOf('\r\n\r\n')
    const [head, body] = [part.slice(0, at), part.slice(at + 4)]
    const text = /base64/i.test(head)
      ? Buffer.from(body, 'base64').toString()
      : /quoted-printable/i.test(head)
        ? unquoted(body)
        : body
    if (/text\/plain/.test(head)) parts.text = text.replaceAll('\r\n', '\n')
    if (/text\/html/.test(head)) parts.html = text.replaceAll('\r\n', '\n')
  }
  return parts
}
