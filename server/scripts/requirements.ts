import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Outcome } from './outcomes.ts'

/** Where a requirement is shown: a test by its exact title, or a heading of a document. Paths begin at the root. */
export type TestPlace = { file: string; title: string }
export type DocumentPlace = { file: string; heading: string }

/** A requirement of OWASP ASVS 5.0, in our own words. */
export type Requirement = {
  level: 1 | 2 | 3
  requirement: string
  tests?: TestPlace[]
  documents?: DocumentPlace[]
  /** Why it is not shown. */
  missing?: string
  /** The thing we would have to have for it to concern us. */
  onlyWith?: string
  /** Why it cannot concern us. */
  notApplicable?: string
}

export const root = fileURLToPath(new URL('../../', import.meta.url))

export function readRequirements(): Record<string, Requirement> {
  return JSON.parse(readFileSync(new URL('../test/security/asvs.json', import.meta.url), 'utf8'))
}

/** The published flaws of others, by id, with the tests that would find them here. */
export function readFlaws(): Record<string, { tests?: TestPlace[] }> {
  const flaws = JSON.parse(readFileSync(new URL('../test/security/flaws.json', import.meta.url), 'utf8'))
  return Object.fromEntries(flaws.map((flaw: { id: string }) => [flaw.id, flaw]))
}

export const concernsUs = ({ onlyWith, notApplicable }: Requirement) => !onlyWith && !notApplicable
export const isShown = (requirement: Requirement) => concernsUs(requirement) && !requirement.missing

/** How many of those that concern us are shown, by level. */
export function count(requirements: Record<string, Requirement>): { level: number; all: number; shown: number }[] {
  return [1, 2, 3].map((level) => {
    const all = Object.values(requirements).filter((each) => each.level === level && concernsUs(each))
    return { level, all: all.length, shown: all.filter(isShown).length }
  })
}

/**
 * Whether every test that is named in `asvs.json` passed, of those whose files lie in `under`.
 * @param outcomes every test that ran
 * @returns a line for each that did not; `skipped` where nothing failed and it never ran
 */
export function unproven(
  requirements: Record<string, { tests?: TestPlace[] }>,
  outcomes: readonly Outcome[],
  under: string,
): { line: string; skipped: boolean }[] {
  const found = new Map<string, Set<Outcome['result']>>()
  for (const { file, title, result } of outcomes) {
    const key = `${file.replace(root, '')}\n${title}`
    found.set(key, (found.get(key) ?? new Set()).add(result))
  }
  return Object.entries(requirements).flatMap(([id, { tests = [] }]) =>
    tests
      .filter(({ file }) => file.startsWith(under))
      .flatMap(({ file, title }) => {
        const results = found.get(`${file}\n${title}`)
        if (results?.has('passed') && !results.has('failed')) return []
        const what = results?.has('failed') ? 'failed' : results ? 'was skipped' : 'did not run'
        return [{ line: `${id}: "${title}" in ${file} ${what}.`, skipped: what === 'was skipped' }]
      }),
  )
}
