/**
 * Measures the server and prints each figure beside its target:
 *
 *     npm run bench                       everything, about five minutes
 *     npm run bench -- --quick            shorter rounds, rougher figures
 *     npm run bench -- --only storm       one measurement (see --help)
 *     npm run bench -- --record           also keep the figures in bench/results and docs/benchmarks.md
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { attack } from './measurements/attack.ts'
import { enumeration } from './measurements/enumeration.ts'
import { login } from './measurements/login.ts'
import { outbox } from './measurements/outbox.ts'
import { overload } from './measurements/overload.ts'
import { refresh } from './measurements/refresh.ts'
import { revocation } from './measurements/revocation.ts'
import { rotating } from './measurements/rotation.ts'
import { start } from './measurements/start.ts'
import { storm } from './measurements/storm.ts'
import { sweeping } from './measurements/sweep.ts'
import { unknown } from './measurements/unknown.ts'
import { validate } from './measurements/validate.ts'
import { createBench, type Row, runMeasurement } from './support/bench.ts'
import { describeMachine } from './support/machine.ts'
import { machineLine, record, tableOf } from './support/report.ts'

const measurements = [
  validate,
  refresh,
  login,
  unknown,
  storm,
  attack,
  overload,
  start,
  revocation,
  rotating,
  sweeping,
  outbox,
  enumeration,
]

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    record: { type: 'boolean', default: false },
    directory: { type: 'string', default: tmpdir() },
    help: { type: 'boolean', default: false },
  },
})

const misnamed = values.only?.find((name) => !measurements.some((measurement) => measurement.name === name))
if (values.help || misnamed !== undefined) {
  console.log('npm run bench -- [--quick] [--only NAME]... [--record] [--directory ON_THE_DISK_TO_MEASURE]\n')
  for (const { name, about } of measurements) console.log(`  ${name.padEnd(10)} ${about}`)
  process.exit(values.help ? 0 : 2)
}

const machine = describeMachine()
console.log(machineLine(machine))
const directory = mkdtempSync(join(values.directory, 'ntt-auth-bench-'))
const bench = createBench(directory, values.quick)
const rows: Row[] = []
try {
  for (const measurement of measurements) {
    if (values.only && !values.only.includes(measurement.name)) continue
    console.error(`… ${measurement.about}`)
    rows.push(...(await runMeasurement(measurement, bench)))
  }
} finally {
  bench.close()
  rmSync(directory, { recursive: true, force: true })
}
console.log(`\n${tableOf(rows)}`)
if (values.record) record(machine, rows)
