import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Work } from './work.ts'

/** Each connection asks again when it has its answer; impatient ones at once even after "come back later". */
export type ClosedStream = { work: Work; connections: number; impatient?: boolean }
/** So many requests start a second, whatever becomes of them. */
export type OpenStream = { work: Work; rate: number }
export type Stream = ClosedStream | OpenStream

export type Plan = {
  address: string
  streams: Stream[]
  /** Answers of this long are not counted. */
  warmup: number
  seconds: number
  /** Stop after so many on each connection. */
  requests?: number
}

export type StreamOutcome = {
  /** Accepted a second. */
  rate: number
  /** Milliseconds each. */
  accepted: Float64Array
  shed: Float64Array
  wrong: number
  /** What was wrong first. */
  complaint: string | null
}

/** `loopDelay`: the generator's own event loop, p99 in ms; latencies cannot be finer than this. */
export type Outcome = { streams: StreamOutcome[]; loopDelay: number }

const children = new Set<ChildProcess>()

/** The processes that make load, for the accounts of processor time. */
export function helperPids(): number[] {
  return [...children].map(({ pid }) => pid!)
}

/** Starts a process that answers each message by one. */
export function startHelper<Question extends object, Answer>(path: string) {
  const child = fork(fileURLToPath(new URL(path, import.meta.url)), { serialization: 'advanced' })
  children.add(child)
  return {
    async ask(question: Question): Promise<Answer> {
      const over = new AbortController()
      const events = [once(child, 'message', over), once(child, 'exit', over).then(() => [{ error: `${path} ended.` }])]
      for (const event of events) event.catch(() => {})
      child.send(question)
      const [answer] = await Promise.race(events)
      over.abort()
      if (answer.error) throw new Error(answer.error)
      return answer as Answer
    },
    stop() {
      children.delete(child)
      child.kill()
    },
  }
}

export type Generator = { run(plan: Plan): Promise<Outcome>; stop(): void }

export function startGenerator(): Generator {
  const helper = startHelper<Plan, Outcome>('./generator.ts')
  return { run: helper.ask, stop: helper.stop }
}
