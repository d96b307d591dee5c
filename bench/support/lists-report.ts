import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'

const page = new URL('../../docs/benchmarks/lists.md', import.meta.url)

const head = `# Lists of users at a million

<!-- Each database's part is written by \`npm run bench:lists -- --small URL --large URL --record\`. -->

The same questions put in turn to ten thousand and to a million users, in one process, without HTTP; milliseconds. The
target is a ratio of at most 1.2 between the medians of the first and the last page, the look-up of a login and a refresh.
Filters of which each leaves many are answered by walking at most 2048 users a page: there the ratio says how much
further the large database had to walk, up to that bound.
`

/** Puts one database's part in its place, or behind the others. */
export function recordLists(name: string, text: string): void {
  mkdirSync(new URL('.', page), { recursive: true })
  const parts = new Map(
    readPage()
      .split(/^## /m)
      .slice(1)
      .map((part) => [part.slice(0, part.indexOf('\n')), part]),
  )
  parts.set(name, `${name}\n\n${text}\n`)
  writeFileSync(
    page,
    [head, ...parts.values()].map((part, index) => (index === 0 ? part : `${part.trimEnd()}\n`)).join('\n## '),
  )
}

function readPage(): string {
  try {
    return readFileSync(page, 'utf8')
  } catch {
    return ''
  }
}
