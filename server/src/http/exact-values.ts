import { UnwantedJson } from '../domain/tokens/strict-json.ts'

/**
 * Refuses strings with half of a surrogate pair (RFC 7493 §2.1): in UTF-8 they all become U+FFFD, so that databases
 * would keep something else than was sent.
 * @throws UnwantedJson
 */
export function wellFormed<T>(value: T): T {
  // However deep it nests.
  const left: unknown[] = [value]
  while (left.length > 0) {
    const one = left.pop()
    if (typeof one === 'string' && !one.isWellFormed()) {
      throw new UnwantedJson('half_character', 'A string holds half a character')
    }
    if (typeof one === 'object' && one !== null) for (const entry of Object.entries(one)) left.push(...entry)
  }
  return value
}

const stringsAndNumbers = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g
const longestNumber = 100

/**
 * The first number of a JSON text that we would keep and give back as another one (RFC 8259 §6, RFC 7493 §2.2), cut to
 * what can be shown; or null.
 */
export function inexactNumber(json: string): string | null {
  for (const [token] of json.matchAll(stringsAndNumbers)) {
    if (token.startsWith('"')) continue
    if (token.length > longestNumber || digitsOf(token) !== digitsOf(String(Number(token)))) return token.slice(0, 40)
  }
  return null
}

/** The significant digits of a decimal number and where they stand: the same for every way of writing it. */
function digitsOf(number: string): string | null {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number)
  if (!parts) return null
  const [, sign, whole = '', fraction = '', exponent = '0'] = parts
  const digits = (whole + fraction).replace(/^0+/, '')
  if (digits === '') return '0'
  const place = digits.length - fraction.length + Number(exponent)
  return `${sign}${digits.replace(/0+$/, '')} at ${place}`
}
