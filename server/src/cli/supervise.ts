import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { askedToStop } from './asked-to-stop.ts'
import { exitCodes } from './exit-codes.ts'

/** What a worker tells the supervisor once it serves. */
export type Serving = { serving: string; management: string }

/** Tells a worker which of them it is, from 0; it decides about the port of its management listener. */
const indexVariable = 'NTT_WORKER_INDEX'

/** Which worker this process is; null when it is none. */
export function workerIndex(): number | null {
  const index = process.env[indexVariable]
  return cluster.isWorker && index !== undefined ? Number(index) : null
}

/** Milliseconds: one that lived for so long did not die of its start. */
const steady = 60_000
const longestPause = 30_000
/** What the workers may need beyond their own deadline. */
const grace = 5000

/**
 * Runs as many workers as configured behind one port. One that dies is replaced, after a pause that grows as long as
 * they go on dying; a signal stops them all in order.
 * @param greet called once, when every worker serves
 * @returns the exit code
 */
export async function superviseWorkers(
  config: Config,
  log: Logger,
  greet: (serving: Serving[]) => void,
): Promise<number> {
  const workers = new Set<Worker>()
  const serving: Serving[] = []
  const failed = Promise.withResolvers<number>()
  let stopping = false

  const keep = async (index: number) => {
    for (let failures = 0; !stopping; ) {
      const began = performance.now()
      const worker = cluster.fork({ [indexVariable]: String(index) })
      workers.add(worker)
      worker.on('message', (message: Serving) => {
        if (serving.length === config.workers) return
        if (serving.push(message) === config.workers) greet(serving)
      })
      const [code, signal] = await once(worker, 'exit')
      workers.delete(worker)
      if (stopping) return
      log.error({ event: 'worker_died', worker: index, code, signal })
      // What keeps the first ones from starting is for the operator to mend, and not by trying again.
      if (serving.length < config.workers) return failed.resolve(code || exitCodes.failed)
      failures = performance.now() - began > steady ? 0 : failures + 1
      await delay(Math.min(100 * 2 ** failures, longestPause), undefined, { ref: false })
    }
  }
  const kept = Array.from({ length: config.workers }, (_, index) => keep(index))
  const stopped = askedToStop(config, log)
  // Each worker reads the configuration by itself.
  process.on('SIGHUP', () => {
    for (const worker of workers) worker.process.kill('SIGHUP')
  })
  const code = await Promise.race([failed.promise, stopped.then(() => exitCodes.ok)])
  stopping = true
  log.info({ event: 'stopping', workers: workers.size })
  for (const worker of workers) worker.process.kill('SIGTERM')
  const deadline = setTimeout(
    () => {
      log.error({ event: 'stopped_late' }, 'workers were still at work when the time for stopping was over')
      for (const worker of workers) worker.process.kill('SIGKILL')
    },
    config.shutdownDelay + config.shutdownTimeout + grace,
  )
  const exits = [...workers].map((worker) => once(worker, 'exit'))
  // One that was still starting had nothing to finish.
  const isInOrder = ([exit, signal]: unknown[]) => exit === exitCodes.ok || signal === 'SIGTERM'
  const inOrder = (await Promise.all(exits)).every(isInOrder)
  clearTimeout(deadline)
  await Promise.race([Promise.all(kept), delay(0)])
  return code === exitCodes.ok && !inOrder ? exitCodes.failed : code
}

/** In a worker: tells that it serves. */
export function tellSupervisor(serving: Serving): void {
  process.send!(serving)
}

/** In a worker that has nothing left to do, well or not: without this the line to the supervisor keeps it alive. */
export function leaveSupervisor(): void {
  cluster.worker?.disconnect()
}
