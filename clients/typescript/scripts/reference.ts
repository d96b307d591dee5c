/**
 * Writes `docs/reference/typescript-client.md` from the declarations in `dist/`: every name behind every door, with what
 * its comment says. The test compares; `npm run generate` writes it anew.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('..', import.meta.url))
export const referenceFile = join(here, '../../docs/reference/typescript-client.md')

export function reference(): string {
  const { exports } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'))
  const doors = Object.entries<{ types: string }>(exports).filter(([door]) => door !== './package.json')
  const parts = doors.map(([door, { types }]) => {
    const entries = [...namesOf(join(here, types))].sort(([a], [b]) => a.localeCompare(b, 'en'))
    return `## \`ntt-auth-client${door.slice(1)}\`\n\n${entries.map(([, text]) => text).join('\n\n')}`
  })
  const head = [
    '# The TypeScript client: reference',
    'Generated from the declarations of the package; `npm run generate` writes them anew.',
    'Durations end in their unit: `…Ms` are milliseconds, `…Seconds` seconds, as are `retryAfter`, `expires_in` and the claims of tokens. A `Date` is a moment by this machine’s clock; texts that the server sends (`created_at`) are RFC 3339, UTC.',
    'Methods that ask the server reject with an `AuthError`, whatever else is said beside them: `NetworkError` (`network_unreachable`, `timeout`, `aborted`, `bad_response`), `RateLimitedError`, `ServerError`; those for a user also `LoggedOutError` (`no_session`), `SessionEndedError` and `RefreshUnavailableError`; and `ConfigurationError` for input of the wrong type or after `close()`. `@throws` names what is particular. What each code of the server means stands in [errors](errors.md).',
  ].join('\n\n')
  return `${head}\n\n${parts.join('\n\n')}\n`
}

/** Everything that a declaration file exports, by name. */
function namesOf(file: string): Map<string, string> {
  const text = readFileSync(file, 'utf8')
  const names = new Map<string, string>()
  for (const [, list, from] of text.matchAll(/^export (?:type )?\{([^}]*)\} from '([^']+)';/gm)) {
    const other = readFileSync(join(dirname(file), from!.replace(/\.[jt]s$/, '.d.ts')), 'utf8')
    for (const each of list!.split(',')) {
      const name = each.trim().replace(/^type /, '')
      if (name) names.set(name, entry(other, name, from!))
    }
  }
  for (const [, name] of text.matchAll(/^export (?:declare )?(?:type|class|function|const) (\w+)/gm)) {
    names.set(name!, entry(text, name!, file))
  }
  return names
}

function entry(text: string, name: string, file: string): string {
  const shape = new RegExp(`^export (?:declare )?(?:abstract )?(?:type|class|function|const) ${name}\\b`, 'm')
  const found = shape.exec(text)
  if (!found) throw new Error(`${file} does not declare ${name}.`)
  const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(text.slice(0, found.index))?.[1] ?? ''
  const words = comment.replace(/^\s*\* ?/gm, '').trim()
  const code = declarationAt(text, found.index).replace(/^export (declare )?/, '')
  return `### ${name}\n\n${words ? `${words}\n\n` : ''}\`\`\`ts\n${code}\n\`\`\``
}

/** From there to its semicolon or last brace. */
function declarationAt(text: string, from: number): string {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    // Comments may hold anything.
    if (text.startsWith('/*', at)) at = text.indexOf('*/', at) + 1
    else if (text.startsWith('//', at)) at = text.indexOf('\n', at)
    else if ('{([<'.includes(text[at]!)) depth++
    else if ('})]'.includes(text[at]!) || (text[at] === '>' && text[at - 1] !== '=')) {
      depth--
      const isClass = /^export (declare )?(abstract )?class/.test(text.slice(from, from + 40))
      if (depth === 0 && text[at] === '}' && isClass) return text.slice(from, at + 1)
    } else if (text[at] === ';' && depth === 0) return text.slice(from, at + 1)
  }
  throw new Error('A declaration does not end.')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(referenceFile, reference())
