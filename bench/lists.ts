/**
 * Measures the lists of users, their search, the look-up of a login and a refresh on two databases, a small and a large
 * one, in turn, and shows the plans of the large one:
 *
 *     npm run bench:lists -- --small URL --large URL [--rounds 200] [--record]
 *
 * Both are filled by `npm run bench:seed`. With --record the figures go into docs/benchmarks/lists.md.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measureLists } from './measurements/lists.ts'
import { recordLists } from './support/lists-report.ts'
import { describeMachine, watchOthers } from './support/machine.ts'
import { machineLine } from './support/report.ts'

const { values } = parseArgs({
  options: {
    small: { type: 'string' },
    large: { type: 'string' },
    rounds: { type: 'string', default: '200' },
    record: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const { small, large } = values
const rounds = Number(values.rounds)
if (values.help || small === undefined || large === undefined || !Number.isInteger(rounds) || rounds < 2) {
  console.log('npm run bench:lists -- --small URL --large URL [--rounds 200] [--record]')
  process.exit(values.help ? 0 : 2)
}

const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-bench-'))
try {
  const othersShare = watchOthers(() => [process.pid])
  const result = await measureLists(small, large, rounds, directory)
  const others = Math.round(othersShare() * 100)
  const intro = `${machineLine(describeMachine())} ${rounds} rounds; others used ${others} % of the machine meanwhile.`
  console.log(`${intro}\n\n${result.text}`)
  if (values.record) recordLists(result.name, `${intro}\n\n${result.text}`)
} finally {
  rmSync(directory, { recursive: true, force: true })
}
