import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import type { SlowCall } from './formats/format.ts'
import type { Answer } from './thread.ts'

// On Linux the priority belongs to the thread: requests come before hashes. Elsewhere it would slow the whole process.
if (process.platform === 'linux') setPriority(0, 19)

// Loaded only now, so that loading is niced as well.
const { computeDigest, loadLibrary } = await import('./compute.ts')
loadLibrary(workerData as SlowCall['kind'])

parentPort!.on('message', (call: SlowCall | null) => {
  if (call === null) return parentPort!.close()
  const start = performance.now()
  let answer: Answer
  try {
    answer = { digest: computeDigest(call), milliseconds: performance.now() - start }
  } catch (error) {
    answer = { error: String(error) }
  }
  parentPort!.postMessage(answer)
})
