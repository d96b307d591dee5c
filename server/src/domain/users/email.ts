/**
 * One spelling of an e-mail address: blanks around it removed, lower case throughout, or null when it is not one.
 *
 * The grammar is narrower than RFC 5321's on purpose: no quoted local parts, comments, groups, address literals or
 * characters outside ASCII, because parsers disagree about these, and that is how mail reaches the wrong person.
 * An internationalised domain is written in its `xn--` form.
 */
export function normaliseEmail(text: string): string | null {
  // Length first, so that the expressions below never see a long text.
  if (text.length > 320) return null
  const trimmed = text.trim()
  // Before the change of case, which makes an ordinary k of U+212A.
  if (trimmed.length > 254 || !plain.test(trimmed)) return null
  const address = trimmed.toLowerCase()
  if (!shape.test(address)) return null
  const [local, domain] = address.split('@') as [string, string]
  const labels = domain.split('.')
  const topLevel = labels.at(-1)!
  if (local.length > 64 || labels.length < 2 || !labels.every((label) => labelShape.test(label))) return null
  return /^\d+$/.test(topLevel) ? null : address
}

const plain = /^[!-~]+$/
const shape = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[a-z0-9.-]+$/
const labelShape = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
