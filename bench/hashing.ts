/**
 * The governor under a storm, as ratios of what its threads could do at most in the same run:
 *
 *     node bench/hashing.ts [seconds of each measurement, default 10]
 */
import { availableParallelism } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'
import type { Wanted } from '../server/src/domain/passwords/formats/format.ts'
import { startHasher } from '../server/src/domain/passwords/hasher.ts'
import { AppError } from '../server/src/errors.ts'

const seconds = Number(process.argv[2] ?? 10)
const threads = availableParallelism()
const callers = 64

for (const wanted of [{ scheme: 'bcrypt', cost: 12 }, { scheme: 'argon2id' }] satisfies Wanted[]) {
  // Before and after, because the speed of a shared machine drifts.
  const before = await rawBound(wanted, true)
  const storm = await runStorm(wanted)
  const after = await rawBound(wanted, true)
  const unniced = await rawBound(wanted, false)
  const bound = (before.rate + after.rate) / 2
  console.log(`\n${JSON.stringify(wanted)}, ${threads} threads, ${callers} callers, ${seconds} s each`)
  console.table({
    'raw bound (hashes/s): before, after': `${before.rate.toFixed(2)}, ${after.rate.toFixed(2)}`,
    'goodput (hashes/s)': storm.rate.toFixed(2),
    'goodput ÷ bound': (storm.rate / bound).toFixed(3),
    'accepted: p50, p99 (ms)': `${at(storm.accepted, 0.5)}, ${at(storm.accepted, 0.99)}`,
    'shed: count, p50, p99 (ms)': `${storm.shed.length}, ${at(storm.shed, 0.5, 3)}, ${at(storm.shed, 0.99, 3)}`,
    'event loop p99 (ms): storm': storm.loop.toFixed(1),
    'event loop p99 (ms): bound niced, not niced': `${after.loop.toFixed(1)}, ${unniced.loop.toFixed(1)}`,
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

async function runStorm(wanted: Wanted) {
  const hasher = startHasher({ threads, maxWait: 1500, wanted })
  await hasher.calibrate()
  const stored = await hasher.hash('correct horse battery staple')
  const accepted: number[] = []
  const shed: number[] = []
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const start = performance.now()
  const end = start + seconds * 1000
  const computedBefore = hasher.stats().computed
  let computed = 0
  setTimeout(() => {
    computed = hasher.stats().computed - computedBefore
  }, seconds * 1000)

  async function caller() {
    while (performance.now() < end) {
      const asked = performance.now()
      try {
        await hasher.verify('correct horse battery staple', stored)
        accepted.push(performance.now() - asked)
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        shed.push(performance.now() - asked)
        await new Promise((resolve) => setTimeout(resolve, error.details.retryAfter! * 1000))
      }
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  delay.disable()
  await hasher.close()
  return { rate: computed / seconds, accepted, shed, loop: delay.percentile(99) / 1e6 }
}

function at(values: number[], quantile: number, digits = 0): string {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[Math.min(Math.floor(sorted.length * quantile), sorted.length - 1)] ?? Number.NaN).toFixed(digits)
}
