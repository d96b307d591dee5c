import type { Value } from './values.ts'

/** What an SMTP URL says. */
export type SmtpAddress = {
  host: string
  port: number
  tls: 'implicit' | 'starttls' | 'off'
  caFile: string | null
  user: string | null
  password: string | null
}

const form = 'smtp://user:password@host:587 or smtps://user:password@host:465'
export const smtpRemedy = `Write it as ${form}; "?tls=off" after it sends in the clear, "?ca=FILE" trusts an authority of your own.`

/** @throws Error with a sentence that repeats no secret */
export function parseSmtpUrl(text: string): SmtpAddress {
  const url = /^smtps?:\/\//i.test(text) ? URL.parse(text) : null
  if (url === null || url.hostname === '' || (url.pathname !== '' && url.pathname !== '/') || url.hash !== '') {
    throw new Error('It is not the address of a mail server.')
  }
  const options = new URLSearchParams(url.search)
  for (const name of options.keys()) {
    if (name !== 'tls' && name !== 'ca') throw new Error(`It has the option "${name}", which means nothing here.`)
  }
  const implicit = url.protocol === 'smtps:'
  const tls = options.get('tls') ?? 'require'
  if (tls !== 'require' && tls !== 'off') throw new Error('Its option tls is neither "require" nor "off".')
  if (implicit && tls === 'off') throw new Error('smtps:// and tls=off contradict each other.')
  const [user, password] = [decoded(url.username), decoded(url.password)]
  if (user !== '' && tls === 'off') throw new Error('With tls=off the password would be sent in the clear.')
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (implicit ? 465 : 587) : Number(url.port),
    tls: implicit ? 'implicit' : tls === 'off' ? 'off' : 'starttls',
    caFile: options.get('ca'),
    user: user === '' ? null : user,
    password: user === '' ? null : password,
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new Error('User or password has a "%" that starts no escape; write it as %25.')
  }
}

export function smtpUrl(): Value<string> {
  return {
    form,
    read(text) {
      parseSmtpUrl(text)
      return text
    },
    write: (text) => text.replace(/\/\/[^/@]*@/, '//[secret]@'),
  }
}

export type Mailbox = { name: string | null; address: string }

const address = /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/i

/** Who a mail is from: an address, or `Name <address>`. */
export function mailbox(): Value<Mailbox> {
  return {
    form: '`name@example.com` or `Name <name@example.com>`',
    read(text) {
      const match = /^(?:([^<>"\p{Cc}]{1,100})<([^<>]+)>|([^<>]+))$/u.exec(text.trim())
      const found = match?.[2] ?? match?.[3] ?? ''
      if (!match || !address.test(found)) throw new Error(`"${text}" is not an address that mail can come from.`)
      return { name: match[1]?.trim() || null, address: found }
    },
    write: ({ name, address }) => (name === null ? address : `${name} <${address}>`),
  }
}
