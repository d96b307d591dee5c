const deepest = 8

/**
 * JSON in which every object names each member once, so that no two readers can understand it differently.
 * @throws Error unless it is an object, at most eight levels deep
 */
export function parseStrict(text: string): Record<string, unknown> {
  // A BOM is no white space in JSON, and `JSON.parse` says so.
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('Not an object.')
  if (membersWritten(text) !== membersKept(value, 1)) throw new Error('A member is named twice.')
  return value as Record<string, unknown>
}

/** How many members the text writes: the colons outside of strings. The text is known to be JSON. */
function membersWritten(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === ':') count++
    else if (character === '"') {
      at++
      while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
    }
  }
  return count
}

function membersKept(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0
  if (depth > deepest) throw new Error('Too deep.')
  const values = Object.values(value)
  const own = Array.isArray(value) ? 0 : Object.keys(value).length
  return values.reduce((sum: number, each) => sum + membersKept(each, depth + 1), own)
}
