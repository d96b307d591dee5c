/**
 * The governor under a storm, as ratios of what its threads could do at most in the same run:
 *
 *     node bench/hashing.ts [rounds, default 5] [seconds of a round, default 4]
 *
 * Bound and storm take turns, and a storm is compared with the bounds just before and after it: the speed of a shared
 * machine drifts. "busy" is the share of time in which the threads were hashing, which drifts less.
 */
import { availableParallelism, loadavg } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'
import type { Wanted } from '../server/src/domain/passwords/formats/format.ts'
import { type Hasher, startHasher } from '../server/src/domain/passwords/hasher.ts'
import { AppError } from '../server/src/errors.ts'

const rounds = Number(process.argv[2] ?? 5)
const seconds = Number(process.argv[3] ?? 4)
const threads = availableParallelism()
const callers = 64
const password = 'correct horse battery staple'

for (const wanted of [{ scheme: 'bcrypt', cost: 12 }, { scheme: 'argon2id' }] satisfies Wanted[]) {
  const hasher = startHasher({ threads, maxWait: 1500, wanted })
  await hasher.calibrate()
  const stored = await hasher.hash(password)
  const bounds = [await rawBound(wanted, true)]
  const storms = []
  for (let round = 0; round < rounds; round++) {
    storms.push(await runStorm(hasher, stored))
    bounds.push(await rawBound(wanted, true))
  }
  const unniced = await rawBound(wanted, false)
  await hasher.close()

  const ratios = storms.map(({ rate }, round) => (2 * rate) / (bounds[round]!.rate + bounds[round + 1]!.rate))
  const accepted = storms.flatMap((storm) => storm.accepted)
  const shed = storms.flatMap((storm) => storm.shed)
  console.log(`\n${JSON.stringify(wanted)}: ${threads} threads, ${callers} callers, ${rounds} rounds of ${seconds} s`)
  console.log(`load average ${loadavg()[0]!.toFixed(1)} (a quiet machine would show ${threads})`)
  console.table({
    'raw bound (hashes/s)': spread(bounds.map(({ rate }) => rate)),
    'goodput (hashes/s)': spread(storms.map(({ rate }) => rate)),
    'goodput ÷ bound': spread(ratios, 3),
    'busy ÷ time of all threads': spread(
      storms.map(({ busy }) => busy),
      3,
    ),
    [`accepted (ms), n=${accepted.length}`]: quantiles(accepted),
    [`shed (ms), n=${shed.length}`]: quantiles(shed, 3),
    'event loop p99 (ms), storm': spread(storms.map(({ loop }) => loop)),
    'event loop p99 (ms), bound': spread(bounds.map(({ loop }) => loop)),
    'event loop p99 (ms), bound not niced': unniced.loop.toFixed(2),
  })
}

/** Threads that hash in a tight loop, with nobody asking. */
async function rawBound(wanted: Wanted, niced: boolean) {
  const code = `
    const { workerData, parentPort } = require('node:worker_threads')
    if (workerData.niced) require('node:os').setPriority(0, 19)
    const load = require('node:module').createRequire(workerData.from)
    const { scheme, cost } = workerData.wanted
    const hash = scheme === 'bcrypt'
      ? () => load('bcrypt').hashSync('correct horse battery staple', cost)
      : () => load('@node-rs/argon2').hashSync('correct horse battery staple', { memoryCost: 19456, timeCost: 2, parallelism: 1 })
    hash()
    const start = performance.now()
    let count = 0
    while (performance.now() - start < workerData.seconds * 1000) { hash(); count++ }
    parentPort.postMessage(count / (performance.now() - start) * 1000)`
  const from = new URL('../server/src/domain/passwords/compute.ts', import.meta.url).href
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const rates = await Promise.all(
    Array.from({ length: threads }, async () => {
      const worker = new Worker(code, { eval: true, workerData: { wanted, niced, seconds, from } })
      return await new Promise<number>((resolve, reject) => {
        worker.once('message', resolve)
        worker.once('error', reject)
      })
    }),
  )
  delay.disable()
  return { rate: rates.reduce((sum, rate) => sum + rate), loop: delay.percentile(99) / 1e6 }
}

/** Callers who come back as they are told, until the round is over. */
async function runStorm(hasher: Hasher, stored: string) {
  const accepted: number[] = []
  const shed: number[] = []
  const finished: { at: number; busyMs: number }[] = []
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const end = performance.now() + seconds * 1000

  async function caller() {
    while (performance.now() < end) {
      const asked = performance.now()
      try {
        await hasher.verify(password, stored)
        const at = performance.now()
        accepted.push(at - asked)
        if (at < end) finished.push({ at, busyMs: hasher.stats().busyMs })
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        shed.push(performance.now() - asked)
        await new Promise((resolve) => setTimeout(resolve, error.details.retryAfter! * 1000))
      }
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  delay.disable()

  // From the first results to the last: hashes cut off by the ends of the round would count for nothing.
  const [first, last] = [finished[threads - 1]!, finished.at(-1)!]
  const elapsed = last.at - first.at
  return {
    rate: ((finished.length - threads) / elapsed) * 1000,
    busy: (last.busyMs - first.busyMs) / elapsed / threads,
    accepted,
    shed,
    loop: delay.percentile(99) / 1e6,
  }
}

function spread(values: number[], digits = 2): string {
  const [low, middle, high] = [0, 0.5, 1].map((share) => at(values, share).toFixed(digits))
  return `${middle} (${low} … ${high})`
}

function quantiles(values: number[], digits = 0): string {
  return `p50 ${at(values, 0.5).toFixed(digits)}, p99 ${at(values, 0.99).toFixed(digits)}`
}

function at(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN
}
