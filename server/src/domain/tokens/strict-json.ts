/** JSON by the grammar, and yet not as we read it. */
export class UnwantedJson extends SyntaxError {
  readonly code: 'byte_order_mark' | 'nested_too_deeply' | 'name_twice' | 'proto_name' | 'half_character'
  /** The name of a member, where it is about that. */
  readonly member: string | null

  constructor(code: UnwantedJson['code'], message: string, member: string | null = null) {
    super(message)
    this.code = code
    this.member = member
  }
}

/**
 * Parses JSON that was signed or sent to us, more strictly than JSON.parse: UTF-8 without a byte-order mark, no
 * duplicate member names, no `__proto__`, limited depth (RFC 8259 §4 leaves duplicates open, so two parsers may read one
 * token differently).
 * @param bytes the text in UTF-8
 * @param deepest how many arrays and objects may lie within each other
 * @throws SyntaxError with the reason
 */
export function parseStrictJson(bytes: Uint8Array, deepest: number): unknown {
  return parseStrictText(decoder.decode(bytes), deepest)
}

/** The same for what was decoded already. */
export function parseStrictText(text: string, deepest: number): unknown {
  if (text.charCodeAt(0) === 0xfeff) throw new UnwantedJson('byte_order_mark', 'The text starts with a byte-order mark')
  checkStructure(text, deepest)
  return JSON.parse(text)
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const scanner = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g

/** Looks only at structure and member names; JSON.parse judges everything else. */
function checkStructure(text: string, deepest: number): void {
  const open: (Set<string> | null)[] = []
  let expectName = false
  scanner.lastIndex = 0
  for (let match = scanner.exec(text); match; match = scanner.exec(text)) {
    const token = match[0]
    const names = open.at(-1)
    if (token === '{' || token === '[') {
      if (open.push(token === '{' ? new Set() : null) > deepest) {
        throw new UnwantedJson('nested_too_deeply', 'The text is nested too deeply')
      }
      expectName = token === '{'
    } else if (token === '}' || token === ']') {
      open.pop()
      expectName = false
    } else if (token === ',') {
      expectName = names instanceof Set
    } else if (token === ':') {
      expectName = false
    } else if (expectName && names) {
      const name: unknown = JSON.parse(token)
      if (typeof name !== 'string') throw new SyntaxError('A member name is not a string')
      if (names.has(name)) throw new UnwantedJson('name_twice', 'A member name occurs twice', name)
      if (name === '__proto__') throw new UnwantedJson('proto_name', 'A member is named __proto__')
      names.add(name)
      expectName = false
    }
  }
}
