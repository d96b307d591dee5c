/** Writes the numbers and the list of what is not shown into docs/security/README.md, from test/security/asvs.json. */
import { readFileSync, writeFileSync } from 'node:fs'
import { count, readRequirements, root } from './requirements.ts'

const page = `${root}docs/security/README.md`
const [begin, end] = ['<!-- from asvs.json -->', '<!-- until here -->']

/** The part of the page that is made of the table. */
export function generatedPart(): string {
  const requirements = readRequirements()
  const rows = count(requirements).map(({ level, all, shown }) => `| ${level} | ${all} | ${shown} |`)
  const missing = Object.entries(requirements).filter(([, each]) => each.missing)
  return [
    '| level | concern us | shown |',
    '|---|---|---|',
    ...rows,
    '',
    'Not shown, and why:',
    '',
    ...missing.map(([id, each]) => `* **${id}** ${each.missing}`),
  ].join('\n')
}

/** @returns the page with that part written anew */
export function withGeneratedPart(text: string): string {
  const [before, rest = ''] = text.split(begin)
  const after = rest.split(end)[1] ?? ''
  return `${before}${begin}\n\n${generatedPart()}\n\n${end}${after}`
}

if (import.meta.main) writeFileSync(page, withGeneratedPart(readFileSync(page, 'utf8')))
