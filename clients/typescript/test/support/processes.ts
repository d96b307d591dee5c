import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('./worker.ts', import.meta.url))

export type Worker = {
  process: ChildProcess
  /** Sends a command and reads what it printed. */
  ask(command: Record<string, unknown>): Promise<Record<string, unknown>>
  kill(signal?: NodeJS.Signals): Promise<void>
}

/** A Node process of its own with a client on a file store; see `worker.ts`. */
export function startWorker(baseUrl: string, path: string, lock: 'auto' | 'none', node = process.execPath): Worker {
  const child = spawn(node, [program, baseUrl, path, lock], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH ?? '' },
  })
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  return {
    process: child,
    async ask(command) {
      child.stdin!.write(`${JSON.stringify(command)}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error('The process ended before it answered.')
      return JSON.parse(value)
    },
    async kill(signal = 'SIGKILL') {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill(signal)
      await gone
    },
  }
}
