import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { withGeneratedPart } from '../../scripts/generate-security-page.ts'
import type { Outcome } from '../../scripts/outcomes.ts'
import {
  concernsUs,
  count,
  isShown,
  type Requirement,
  readRequirements,
  root,
  unproven,
} from '../../scripts/requirements.ts'

/**
 * `asvs.json`: each requirement of OWASP ASVS 5.0 and what shows it. That the named tests passed is judged at the end
 * of a whole run (`scripts/test.ts`), which knows how each came out.
 */

const requirements = readRequirements()
const all = Object.entries(requirements)

describe('the table of requirements', () => {
  it('places all 345 of ASVS 5.0, each once', () => {
    // Requirements of each chapter of the standard, by level.
    const levels = [1, 2, 3].map((level) => all.filter(([, each]) => each.level === level).length)
    assert.deepEqual(levels, [70, 183, 92])
    const chapters = Map.groupBy(
      all.filter(([, each]) => concernsUs(each)),
      ([id]) => Number(id.split('.')[0]),
    )
    const sizes = Object.fromEntries([...chapters].map(([chapter, entries]) => [chapter, entries.length]))
    const least = {
      1: 17,
      2: 11,
      3: 15,
      4: 7,
      5: 1,
      6: 24,
      7: 15,
      8: 11,
      9: 7,
      10: 10,
      11: 19,
      12: 7,
      13: 20,
      14: 12,
      15: 21,
      16: 17,
    }
    for (const [chapter, size] of Object.entries(least)) assert.ok(sizes[chapter]! >= size, `chapter ${chapter}`)
    for (const [id] of all) assert.match(id, /^\d+\.\d+\.\d+$/)
  })

  it('says of each what shows it, why it is not shown, or why it does not concern us', () => {
    for (const [id, each] of all) {
      const said = [each.tests || each.documents, each.missing, each.onlyWith && !each.tests, each.notApplicable]
      assert.equal(said.filter(Boolean).length, 1, id)
      if (concernsUs(each)) assert.ok(each.requirement.length >= 3, id)
      if (each.missing) assert.match(each.missing, /^[A-Z].{20,}\.$/, id)
    }
  })

  it('names documents and headings that are there', () => {
    for (const [id, { documents = [] }] of all) {
      for (const { file, heading } of documents) {
        const lines = readFileSync(`${root}${file}`, 'utf8').split('\n')
        assert.ok(
          lines.some((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading),
          `${id}: ${file}, ${heading}`,
        )
      }
    }
  })

  it('names test files that are there', () => {
    for (const [id, { tests = [] }] of all) {
      for (const { file } of tests) assert.ok(existsSync(`${root}${file}`), `${id}: ${file}`)
    }
  })

  it('is what the page about security says (node scripts/generate-security-page.ts writes it anew)', () => {
    const page = readFileSync(`${root}docs/security/README.md`, 'utf8')
    assert.equal(page, withGeneratedPart(page))
    for (const { level, all, shown } of count(requirements))
      assert.ok(page.includes(`| ${level} | ${all} | ${shown} |`))
  })
})

describe('the judgement of a run', () => {
  const table = {
    '1.1.1': { level: 1, requirement: 'x', tests: [{ file: 'server/a.test.ts', title: 'holds' }] },
  } as const
  const judged = (...outcomes: Omit<Outcome, 'file'>[]) =>
    unproven(
      table as unknown as Record<string, Requirement>,
      outcomes.map((each) => ({ ...each, file: `${root}server/a.test.ts` })),
      'server/',
    ).map(({ line }) => line)

  it('is content where a named test passed, on one database or on all', () => {
    assert.deepEqual(judged({ title: 'holds', result: 'passed' }), [])
    assert.deepEqual(judged({ title: 'holds', result: 'passed' }, { title: 'holds', result: 'skipped' }), [])
  })

  it('is not where it failed anywhere, was skipped, has another name, or did not run', () => {
    assert.match(judged({ title: 'holds', result: 'passed' }, { title: 'holds', result: 'failed' })[0]!, /failed/)
    assert.match(judged({ title: 'holds', result: 'skipped' })[0]!, /skipped/)
    assert.match(judged({ title: 'holds.', result: 'passed' })[0]!, /did not run/)
    assert.match(judged()[0]!, /^1\.1\.1: "holds" in server\/a\.test\.ts did not run/)
  })

  it('counts nothing as shown for which a proof is missing', () => {
    assert.equal(isShown({ level: 1, requirement: 'x', missing: 'y' }), false)
    assert.equal(isShown({ level: 1, requirement: 'x', onlyWith: 'y' }), false)
  })
})
