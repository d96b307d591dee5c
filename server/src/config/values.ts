import { isIP } from 'node:net'

/** A type of value: how it is written, read and shown. */
export type Value<T> = {
  /** How it is written, for people. */
  form: string
  /** @throws an Error whose message is a sentence about what is wrong; for a secret it never repeats the value */
  read(text: string): T
  /** The value as text that `read` understands; for a secret its masked form. */
  write(value: T): string
  /** What a JSON file may hold besides a string. */
  json?: 'number' | 'boolean' | 'array'
}

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A span of time, in milliseconds once read. */
export function duration(least: string, most: string): Value<number> {
  const [min, max] = [readDuration(least), readDuration(most)]
  return {
    form: `a duration from ${least} to ${most}`,
    read(text) {
      const value = readDuration(text)
      if (Number.isNaN(value)) {
        throw new Error(`"${text}" is not a duration: a whole number and one of ms, s, m, h, d, as in 15m.`)
      }
      if (value < min) throw new Error(`${text} is too short.`)
      if (value > max) throw new Error(`${text} is too long.`)
      return value
    },
    write: writeDuration,
  }
}

function readDuration(text: string): number {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text)
  return match ? Number(match[1]) * units[match[2] as keyof typeof units] : Number.NaN
}

export function writeDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s'
  const fits = (Object.keys(units) as (keyof typeof units)[]).filter((unit) => milliseconds % units[unit] === 0)
  const unit = fits.at(-1)!
  return `${milliseconds / units[unit]}${unit}`
}

export function integer(min: number, max: number): Value<number> {
  return {
    form: `a whole number from ${min} to ${max}`,
    read(text) {
      if (!/^-?\d{1,15}$/.test(text)) throw new Error(`"${text}" is not a whole number.`)
      const value = Number(text)
      if (value < min || value > max) throw new Error(`${text} is out of range.`)
      return value
    },
    write: String,
    json: 'number',
  }
}

export function choice<const T extends string>(...values: T[]): Value<T> {
  return {
    form: values.map((value) => `\`${value}\``).join(', '),
    read(text) {
      const value = values.find((known) => known === text)
      if (value === undefined) throw new Error(`"${text}" is not one of the values.`)
      return value
    },
    write: (value) => value,
  }
}

export function onOff(): Value<boolean> {
  return {
    form: '`on`, `off`',
    read(text) {
      if (text !== 'on' && text !== 'off') throw new Error(`"${text}" is neither on nor off.`)
      return text === 'on'
    },
    write: (value) => (value ? 'on' : 'off'),
    json: 'boolean',
  }
}

/** Comma-separated; every refused entry is reported. */
export function list<T>(item: Value<T>): Value<T[]> {
  return {
    form: `a list of ${item.form}`,
    read(text) {
      const values: T[] = []
      const complaints: string[] = []
      for (const entry of text.split(',').map((part) => part.trim())) {
        if (entry === '') continue
        try {
          values.push(item.read(entry))
        } catch (error) {
          complaints.push((error as Error).message)
        }
      }
      if (complaints.length > 0) throw new Error(complaints.join(' '))
      return values
    },
    write: (values) => values.map((value) => item.write(value)).join(','),
    json: 'array',
  }
}

/** An empty list has to be said: `none`. */
export function noneOr<T>(values: Value<T[]>): Value<T[]> {
  return {
    ...values,
    form: `\`none\`, or ${values.form}`,
    read(text) {
      if (text.trim() === 'none') return []
      const read = values.read(text)
      if (read.length === 0) throw new Error('It is empty.')
      return read
    },
    write: (read) => (read.length === 0 ? 'none' : values.write(read)),
  }
}

function plain(form: string, read: (text: string) => string): Value<string> {
  return { form, read, write: (value) => value }
}

export function path(): Value<string> {
  return plain('a path', (text) => {
    if (text === '' || text.includes('\0')) throw new Error('It is not a path.')
    return text
  })
}

export function identifier(): Value<string> {
  return plain('1 to 255 characters without spaces', (text) => {
    if (!/^[\x21-\x7e]{1,255}$/.test(text)) throw new Error(`"${text}" is empty, too long or has spaces in it.`)
    return text
  })
}

export function host(): Value<string> {
  return plain('an IP address or a host name', (text) => {
    if (isIP(text) === 0 && !/^(?!.*\.[\d.]+$)[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(text)) {
      throw new Error(`"${text}" is neither an IP address nor a host name (no port, no brackets).`)
    }
    return text
  })
}

/** An absolute web address that others can be appended to, without a trailing slash. */
export function baseUrl(): Value<string> {
  return plain('an absolute http or https URL', (text) => {
    const url = webUrl(text)
    if (url === null) throw new Error(`"${withoutCredentials(text)}" is not an absolute http or https URL.`)
    if (url.username !== '' || url.password !== '') throw new Error('It contains a user or a password.')
    if (/[?#]/.test(text)) throw new Error(`"${text}" has a query or a fragment.`)
    return url.href.replace(/\/+$/, '')
  })
}

/** An origin as browsers send it, or `*`. */
export function origin(): Value<string> {
  return plain('exact origins (scheme://host or scheme://host:port)', (text) => {
    const url = webUrl(text)
    if (text === '*' || (url?.origin === text && !text.includes('*'))) return text
    if (url === null || text.includes('*')) throw new Error(`"${withoutCredentials(text)}" is not an origin.`)
    throw new Error(`"${withoutCredentials(text)}" is not exactly an origin; "${url.origin}" would be.`)
  })
}

function webUrl(text: string): URL | null {
  if (!/^https?:\/\//i.test(text)) return null
  return URL.parse(text)
}

function withoutCredentials(text: string): string {
  return text.replace(/\/\/.*@/, '//')
}

/** An IP address or a network in CIDR notation. */
export function network(): Value<string> {
  return plain('IP addresses or networks (10.0.0.0/8)', (text) => {
    const [address = '', prefix, ...rest] = text.split('/')
    const version = isIP(address)
    const bits = version === 4 ? 32 : 128
    const fits = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits)
    if (version === 0 || address.includes('%') || !fits || rest.length > 0) {
      throw new Error(`"${text}" is neither an IP address nor a network.`)
    }
    return text
  })
}
