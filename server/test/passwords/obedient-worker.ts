import { parentPort } from 'node:worker_threads'
import type { SlowCall } from '../../src/domain/passwords/formats/format.ts'
import type { Answer } from '../../src/domain/passwords/thread.ts'

/** Stands in for the real worker: the password tells what to do. */
parentPort!.on('message', (call: SlowCall | null) => {
  if (call === null) return parentPort!.close()
  const { password } = call
  const [order, argument] = new TextDecoder().decode(password).split(' ')
  if (order === 'crash') process.exit(7)
  if (order === 'sleep') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(argument))
  const milliseconds = order === 'claim' ? Number(argument) : Number(argument ?? 0)
  const answer: Answer = order === 'fail' ? { error: 'told to fail' } : { digest: `${order} done`, milliseconds }
  parentPort!.postMessage(answer)
})
