import type { Value } from './values.ts'

/** What a Redis URL says. */
export type RedisAddress = {
  host: string
  port: number
  tls: boolean
  /** Whether the URL itself says `tls=off`. */
  clearChosen: boolean
  caFile: string | null
  user: string | null
  password: string | null
  database: number
}

const form = '`redis://user:password@host:6379/0` or `rediss://…` with TLS'
export const redisRemedy =
  'Write it as redis://user:password@host:6379/0, or rediss:// with TLS; "?ca=FILE" after it trusts an authority of your own.'

/** @throws Error with a sentence that repeats no secret */
export function parseRedisUrl(text: string): RedisAddress {
  const url = /^rediss?:\/\//i.test(text) ? URL.parse(text) : null
  const database = /^\/?(\d{0,4})$/.exec(url?.pathname ?? '')
  if (url === null || url.hostname === '' || !database || url.hash !== '') {
    throw new Error('It is not the address of a Redis server.')
  }
  const options = new URLSearchParams(url.search)
  for (const name of options.keys()) {
    if (name !== 'ca' && name !== 'tls') throw new Error(`It has the option "${name}", which means nothing here.`)
  }
  const tls = url.protocol === 'rediss:'
  if (!tls && options.has('ca')) throw new Error('Its option ca needs rediss://.')
  if (options.has('tls') && (tls || options.get('tls') !== 'off')) {
    throw new Error('Its option tls can only be off, and only after redis://.')
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 6379 : Number(url.port),
    tls,
    clearChosen: options.has('tls'),
    caFile: options.get('ca'),
    user: decoded(url.username) || null,
    password: decoded(url.password) || null,
    database: Number(database[1]),
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new Error('User or password has a "%" that starts no escape; write it as %25.')
  }
}

export function redisUrl(): Value<string> {
  return {
    form,
    read(text) {
      parseRedisUrl(text)
      return text
    },
    write: (text) => text.replace(/\/\/[^/@]*@/, '//[secret]@'),
  }
}
