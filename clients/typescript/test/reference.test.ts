import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { referenceFile } from '../scripts/reference.ts'

type Entry = { door: string; name: string; words: string; code: string }
const text = readFileSync(referenceFile, 'utf8')
const entries: Entry[] = text
  .split(/^## /m)
  .slice(1)
  .flatMap((part) => {
    const door = /^`ntt-auth-client(\S*)`/.exec(part)![1]!
    return [...part.matchAll(/^### (\w+)\n\n(.*?)```ts\n(.*?)^```/gms)].map(([, name, words, code]) => {
      return { door, name: name!, words: words!.trim(), code: code! }
    })
  })
/** Members without a comment above them: `name(…`, `name: …`, at the outermost level or that of a room of `Admin`. */
const silent = ({ code }: Entry) => {
  const lines = code.split('\n')
  const isMember = (line: string) => /^( {4}| {8})(?:readonly |static |get )*[\w$]+\??(?:<\w+>)?[(:]/.test(line)
  return lines
    .filter((line, at) => isMember(line) && !lines[at - 1]!.trimEnd().endsWith('*/'))
    .map((line) => /[\w$]+\??(?=[<(:])/.exec(line)![0])
}
const named = (...names: string[]) => entries.filter(({ name }) => names.includes(name))

describe('the reference', () => {
  it('has words for every name behind every door', async () => {
    const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
    for (const [path, { default: file }] of Object.entries<{ default: string }>(exports)) {
      if (path === './package.json') continue
      const door = path.slice(1)
      const known = entries.filter((each) => each.door === door)
      const given = Object.keys(await import(new URL(`../${file}`, import.meta.url).href))
      expect(known.map(({ name }) => name)).toEqual(expect.arrayContaining(given))
      expect(known.filter(({ words }) => words === '').map(({ name }) => name + door)).toEqual([])
    }
    expect(entries.length).toBeGreaterThan(100)
  })

  it('has words for every option and every method', () => {
    const all = entries.filter(({ name }) =>
      /Options$|^(SessionClient|AuthClient|Verifier|Sessions|SessionStorage|TokenMint)$/.test(name),
    )
    const rooms = named('Admin', 'MockAuthServer', 'AuthError', 'Clock', 'Cookies', 'AnswerHeaders', 'AuthEvent')
    const known = [
      'constructor',
      'users',
      'services',
      'keys',
      'sessionId?',
      'userId?',
      'scope?',
      'fresh?',
      'generation',
      'ended',
      'limit?',
      'cursor?',
    ]
    for (const each of [...all, ...rooms]) {
      expect([each.name, silent(each).filter((member) => !known.includes(member))]).toEqual([each.name, []])
    }
  })

  it('names no type that it does not show', () => {
    const shown = new Set(entries.map(({ name }) => name))
    const common =
      'Symbol AbortSignal Array AsyncIterable Date Error Headers Map NonNullable Omit Partial Pick Promise Readonly Record RequestInit Required Response URL Variables'
    // What a framework gives to a guard, by its shape; `Settings` and `Item` nobody has to write.
    const known = new Set([...common.split(' '), 'Request', 'Context', 'Settings', 'Item', 'T'])
    const unknown = entries.flatMap(({ name, code }) => {
      const bare = code.replaceAll(/\/\*.*?\*\//gs, '').replaceAll(/(['"]).*?\1/g, '')
      return [...bare.matchAll(/(?<![\w.])([A-Z]\w*)/g)]
        .map(([, type]) => type!)
        .filter((type) => !shown.has(type) && !known.has(type))
        .map((type) => `${name}: ${type}`)
    })
    expect([...new Set(unknown)]).toEqual([])
  })
})
