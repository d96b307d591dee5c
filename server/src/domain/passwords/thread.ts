import { getCompileCacheDir } from 'node:module'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { SlowCall } from './formats/format.ts'

export type Answer = { digest: string; milliseconds: number } | { error: string }

/** One worker thread. It answers in the order of the calls. */
export type Thread = { post(call: SlowCall): void; stop(): Promise<unknown> }

// Milliseconds. It has nothing to compute any more when it is asked to stop.
const mostPatience = 5000

const body = new URL(`./worker${extname(import.meta.url)}`, import.meta.url)

/**
 * @param kind what it will mostly compute: its library is loaded ahead
 * @param onAnswer called once for each call that was posted
 * @param onEnd called once, when the thread has ended for whatever reason
 */
export function startThread(
  kind: SlowCall['kind'],
  onAnswer: (answer: Answer) => void,
  onEnd: (cause: unknown) => void,
  url = body,
): Thread {
  const cache = getCompileCacheDir()
  const worker = new Worker(url, {
    name: 'password hashing',
    // The flags of the main thread are not for it; some (--input-type) would keep it from starting.
    execArgv: [],
    workerData: kind,
    // The compile cache of the main thread does not reach workers by itself; without it they strip types anew.
    env: cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: cache },
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 },
  })
  let cause: unknown
  worker.on('message', onAnswer)
  worker.on('error', (error) => {
    cause = error
  })
  worker.on('exit', (code) => onEnd(cause ?? new Error(`the hashing thread exited with code ${code}`)))
  return {
    // Handed over, not copied: the bytes exist once, and the worker wipes them. The string they were made from stays
    // in this thread's heap until it is collected, and the libraries make copies of their own that nobody wipes.
    post: (call) => worker.postMessage(call, [call.password.buffer]),
    stop: () =>
      new Promise((resolve) => {
        // Asked, not terminated: a thread that is cut off while it loads a native library takes the process along.
        worker.postMessage(null)
        const late = setTimeout(() => worker.terminate().then(resolve), mostPatience)
        worker.once('exit', (code) => {
          clearTimeout(late)
          resolve(code)
        })
      }),
  }
}
