/** The load generator: a process of its own, told what to do by messages (`load.ts`). */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { Connection } from './connection.ts'
import type { ClosedStream, OpenStream, Outcome, Plan } from './load.ts'
import { type Task, tasksOf } from './work.ts'

type Samples = { accepted: number[]; shed: number[]; wrong: number; complaint: string | null }

process.on('message', async (plan: Plan) => {
  try {
    process.send!(await run(plan))
  } catch (error) {
    process.send!({ error: String(error) })
  }
})

async function run(plan: Plan): Promise<Outcome> {
  const clock = {
    start: performance.now() + plan.warmup * 1000,
    end: performance.now() + (plan.warmup + plan.seconds) * 1000,
  }
  const loop = monitorEventLoopDelay({ resolution: 1 })
  loop.enable()
  const streams = await Promise.all(
    plan.streams.map((stream) => ('rate' in stream ? open(plan, stream, clock) : closed(plan, stream, clock))),
  )
  loop.disable()
  return {
    loopDelay: loop.percentile(99) / 1e6 - 1,
    streams: streams.map(({ accepted, shed, ...rest }) => ({
      ...rest,
      rate: accepted.length / plan.seconds,
      accepted: Float64Array.from(accepted),
      shed: Float64Array.from(shed),
    })),
  }
}

type Clock = { start: number; end: number }

/** Every connection asks, waits for the answer, asks again; after a 503 it waits as long as it was told, if patient. */
async function closed(plan: Plan, stream: ClosedStream, clock: Clock): Promise<Samples> {
  const samples = newSamples()
  const next = tasksOf(stream.work)
  await Promise.all(
    Array.from({ length: stream.connections }, async (_, index) => {
      const connection = new Connection(plan.address)
      for (let asked = 0; performance.now() < clock.end && asked !== plan.requests; asked++) {
        const retryAfter = await ask(connection, next(index), performance.now(), clock, samples)
        if (retryAfter === null || stream.impatient) continue
        const pause = Math.min(retryAfter * 1000, Math.max(clock.end - performance.now(), 0))
        await delay(pause)
      }
      connection.close()
    }),
  )
  return samples
}

/** Requests start by the clock, however long the answers take; a late start counts as waiting. */
async function open(plan: Plan, stream: OpenStream, clock: Clock): Promise<Samples> {
  const samples = newSamples()
  const next = tasksOf(stream.work)
  const all: Connection[] = []
  const idle: number[] = []
  const under = new Set<Promise<void>>()
  const interval = 1000 / stream.rate
  for (let due = performance.now(); due < clock.end; due += interval) {
    const wait = due - performance.now()
    if (wait > 0) await delay(wait)
    const index = idle.pop() ?? all.push(new Connection(plan.address)) - 1
    const done: Promise<void> = ask(all[index]!, next(index), due, clock, samples).then(() => {
      idle.push(index)
      under.delete(done)
    })
    under.add(done)
  }
  await Promise.all(under)
  for (const connection of all) connection.close()
  return samples
}

function newSamples(): Samples {
  return { accepted: [], shed: [], wrong: 0, complaint: null }
}

/** @returns after how many seconds the server wants to be asked again, or null */
async function ask(
  connection: Connection,
  task: Task,
  due: number,
  clock: Clock,
  samples: Samples,
): Promise<number | null> {
  let complaint: string | null
  let retryAfter: number | null = null
  try {
    const answer = await connection.send(task.bytes)
    retryAfter = answer.retryAfter
    complaint = retryAfter === null ? task.judge(answer) : null
  } catch (error) {
    complaint = String(error)
  }
  const now = performance.now()
  if (complaint !== null) {
    samples.wrong++
    samples.complaint ??= complaint
  } else if (now >= clock.start && now < clock.end) {
    const taken = now - due
    if (retryAfter === null) samples.accepted.push(taken)
    else samples.shed.push(taken)
  }
  return retryAfter
}
