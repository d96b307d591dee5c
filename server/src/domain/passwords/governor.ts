import { AppError } from '../../errors.ts'
import { fairQueue } from './fair-queue.ts'
import type { SlowCall, Work } from './formats/format.ts'
import { startPace, weightOfNewest } from './pace.ts'
import { type Answer, startThread, type Thread } from './thread.ts'

export type GovernorOptions = {
  threads: number
  /** How long a job may wait for a thread at most, in milliseconds. */
  maxWait: number
  /** What the threads will mostly compute. */
  kind: SlowCall['kind']
  now?: (() => number) | undefined
  workerUrl?: URL | undefined
}

/** Who wants a hash. */
export type Asker = {
  /** Whoever shares it waits in one line: a network, a device. Those who say nothing share one as well. */
  source?: string | undefined
  /** Gives up the place in the queue. */
  signal?: AbortSignal | undefined
}

type Job = {
  call: SlowCall
  work: Work
  queuedAt: number
  resolve(done: Done): void
  reject(error: unknown): void
}

/** What a thread computed, how long that took it, and for how long the job had waited for it. */
export type Done = { digest: string; milliseconds: number; waited: number }

/** The thread is null before it is first needed (`fresh`), and while it waits to be replaced. */
type Slot = { thread: Thread | null; fresh: boolean; jobs: Job[]; startedAt: number; failures: number }

/** A next job is posted ahead behind one that ends this soon (ms): the thread then has no gap between two short jobs. */
const aheadWithin = 50
const longestRespawnDelay = 5000
/** New jobs are promised this share of the longest wait. Under steady overload the queue is always that long, and if the
 * promise were the limit itself, half of those it was made to would wait all that time in vain. */
const promised = 0.8

const unused = { thread: null, fresh: true, startedAt: 0, failures: 0 }

export type Governor = ReturnType<typeof startGovernor>

/**
 * Runs slow calls in threads of its own (never on the pool of libuv, where they would hold up files, DNS and
 * WebCrypto). Sources have their turns, so that whoever brings many jobs waits behind others who bring one. A job is
 * admitted only when it will be started in time: to be told at once to come back costs the caller less than to wait in
 * vain, and costs the server nothing.
 */
export function startGovernor({ threads, maxWait, kind, now = () => performance.now(), workerUrl }: GovernorOptions) {
  const pace = startPace()
  const queue = fairQueue<Job>()
  const counts = { computed: 0, busyMs: 0, shed: 0, expired: 0, abandoned: 0, crashed: 0 }
  const timers = new Set<NodeJS.Timeout>()
  let deadline: NodeJS.Timeout | undefined
  // Milliseconds, a moving average. On a busy machine a niced thread waits for its processor also between two jobs.
  let handOver = 0
  let closing = false
  let onIdle: (() => void) | undefined
  const slots = Array.from({ length: threads }, (): Slot => ({ ...unused, jobs: [] }))

  /** @throws AppError `overloaded` when a job that came now would not be started in time */
  function admit(work: Work, { source = '' }: Asker = {}): void {
    // With a free thread there is nothing to wait for, however slow the machine has become.
    if (queue.size() === 0 && freest(work) !== undefined) return
    const wait = (underWay() + queue.ahead(source) + occupancy(work)) / threads
    if (wait <= promised * maxWait) return
    counts.shed++
    throw overloaded(wait)
  }

  /** @param makeCall called only when the job is admitted */
  async function run(work: Work, makeCall: () => SlowCall, asker: Asker = {}): Promise<Done> {
    const { source = '', signal } = asker
    if (closing) throw new AppError('unavailable', { retryAfter: 1 })
    signal?.throwIfAborted()
    admit(work, asker)
    return new Promise((resolve, reject) => {
      const job: Job = { call: makeCall(), work, queuedAt: now(), resolve, reject }
      queue.push(job, source, occupancy(work))
      if (signal) watch(job, signal)
      feed()
      watchDeadline()
    })
  }

  /** Posts queued jobs to threads that can take one. */
  function feed(): void {
    for (let job = queue.first(); job !== undefined; job = queue.first()) {
      const slot = freest(job.work)
      if (slot === undefined) return
      queue.shift()
      if (hasExpired(job)) {
        expire(job)
        continue
      }
      if (slot.jobs.length === 0) slot.startedAt = now()
      slot.jobs.push(job)
      slot.thread!.post(job.call)
    }
  }

  /**
   * The thread that will be free first, if a job may be posted to it now. Threads weigh ten megabytes each, so one is
   * started when all others are busy for the first time.
   */
  function freest(work: Work): Slot | undefined {
    let best: Slot | undefined
    let shortest = Number.POSITIVE_INFINITY
    for (const slot of slots) {
      if (slot.fresh) spawn(slot)
      if (slot.thread === null || slot.jobs.length > 1) continue
      if (slot.jobs.length === 0) return slot
      const left = remaining(slot)
      if (left <= aheadWithin && pace.expect(work) <= aheadWithin && left < shortest) {
        best = slot
        shortest = left
      }
    }
    return best
  }

  function remaining({ jobs, startedAt }: Slot): number {
    const expected = jobs.reduce((sum, job) => sum + occupancy(job.work), 0)
    return Math.max(expected - (now() - startedAt), 0)
  }

  /** For how long a job keeps a thread: its computation, and what comes before the thread has the next one. */
  function occupancy(work: Work): number {
    return pace.expect(work) + handOver
  }

  function underWay(): number {
    return slots.reduce((sum, slot) => sum + (slot.jobs.length > 0 ? remaining(slot) : 0), 0)
  }

  function overloaded(wait: number): AppError {
    // Spread out, or all who were sent away at once would come back at once.
    return new AppError('overloaded', { retryAfter: Math.max(Math.ceil((wait / 1000) * (1 + Math.random())), 1) })
  }

  function hasExpired(job: Job): boolean {
    return now() - job.queuedAt > maxWait
  }

  function expire(job: Job): void {
    counts.expired++
    job.call.password.fill(0)
    job.reject(overloaded(maxWait))
  }

  /** One timer, for the job that has waited for longest. */
  function watchDeadline(): void {
    if (deadline !== undefined || queue.size() === 0) return
    const oldest = queue.items().reduce((earliest, { queuedAt }) => Math.min(earliest, queuedAt), now())
    deadline = setTimeout(
      () => {
        deadline = undefined
        for (const job of queue.items()) if (hasExpired(job) && queue.remove(job)) expire(job)
        watchDeadline()
      },
      Math.max(oldest + maxWait - now(), 0) + 1,
    )
  }

  /** A caller who has gone gives up the place in the queue; what a thread already has is finished. */
  function watch(job: Job, signal: AbortSignal): void {
    const abandon = () => {
      if (!queue.remove(job)) return
      counts.abandoned++
      job.call.password.fill(0)
      job.reject(signal.reason)
    }
    const { resolve, reject } = job
    const forget = () => signal.removeEventListener('abort', abandon)
    signal.addEventListener('abort', abandon, { once: true })
    job.resolve = (done) => {
      forget()
      resolve(done)
    }
    job.reject = (error) => {
      forget()
      reject(error)
    }
  }

  function spawn(slot: Slot): void {
    slot.fresh = false
    slot.thread = startThread(
      kind,
      (answer) => onAnswer(slot, answer),
      (cause) => onEnd(slot, cause),
      workerUrl,
    )
  }

  function onAnswer(slot: Slot, answer: Answer): void {
    const job = slot.jobs.shift()!
    const took = now() - slot.startedAt
    slot.startedAt += took
    slot.failures = 0
    // The next job goes out before anybody is told: the thread must not stand idle.
    feed()
    if ('error' in answer) {
      job.reject(new AppError('unavailable', { retryAfter: 1, cause: answer.error }))
    } else {
      counts.computed++
      counts.busyMs += answer.milliseconds
      pace.learn(job.work, answer.milliseconds)
      handOver += weightOfNewest * (Math.max(took - answer.milliseconds, 0) - handOver)
      job.resolve({ ...answer, waited: Math.max(now() - job.queuedAt - answer.milliseconds, 0) })
    }
    tellIdle()
  }

  function onEnd(slot: Slot, cause: unknown): void {
    slot.thread = null
    const lost = slot.jobs.splice(0)
    for (const job of lost) job.reject(new AppError('unavailable', { retryAfter: 1, cause }))
    tellIdle()
    if (closing) return
    counts.crashed++
    // At once after honest work; a thread that cannot even start is not started in a tight loop.
    const delay = Math.min(slot.failures === 0 ? 0 : 100 * 2 ** slot.failures, longestRespawnDelay)
    slot.failures++
    const timer = setTimeout(() => {
      timers.delete(timer)
      spawn(slot)
      feed()
    }, delay)
    timers.add(timer)
  }

  function inFlight(): number {
    return slots.reduce((sum, slot) => sum + slot.jobs.length, 0)
  }

  function tellIdle(): void {
    if (inFlight() === 0) onIdle?.()
  }

  /** Refuses what is queued, lets the threads finish what they have, and ends them. */
  async function close(): Promise<void> {
    closing = true
    clearTimeout(deadline)
    for (const timer of timers) clearTimeout(timer)
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      job.call.password.fill(0)
      job.reject(new AppError('unavailable', { retryAfter: 1 }))
    }
    if (inFlight() > 0) await new Promise<void>((resolve) => (onIdle = resolve))
    await Promise.all(slots.map((slot) => slot.thread?.stop()))
  }

  return {
    run,
    admit,
    close,
    expect: pace.expect,
    stats: () => ({
      threads,
      running: slots.filter(({ thread }) => thread !== null).length,
      queued: queue.size(),
      inFlight: inFlight(),
      ...counts,
    }),
  }
}
