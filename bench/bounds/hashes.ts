/** What the password libraries do at most: threads, niced as the server's, that hash without anybody asking. */
import { setPriority } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { hashRawSync } from '@node-rs/argon2'
import { hashSync } from 'bcrypt'

export type Scheme = 'bcrypt' | 'argon2id'
/** `seconds` 0: a single hash of a single thread. */
export type HashesQuestion = { scheme: Scheme; threads: number; seconds: number }
/** Hashes a second of all threads together, and the median time of one in milliseconds. */
export type HashesAnswer = { rate: number; milliseconds: number }

const password = 'engine of brass and steam'
const salt = Buffer.alloc(16, 7)
const hash = {
  bcrypt: () => void hashSync(password, 12),
  argon2id: () => void hashRawSync(password, { salt, memoryCost: 19456, timeCost: 2, parallelism: 1, outputLen: 32 }),
}

if (isMainThread) {
  const workers: Worker[] = []
  process.on('message', async ({ scheme, threads, seconds }: HashesQuestion) => {
    while (workers.length < threads) workers.push(new Worker(new URL(import.meta.url), { workerData: 'thread' }))
    const answers = await Promise.all(
      workers.slice(0, threads).map((worker) => {
        const answer = new Promise<{ rate: number; milliseconds: number }>((resolve) => worker.once('message', resolve))
        worker.postMessage({ scheme, seconds })
        return answer
      }),
    )
    const rate = answers.reduce((sum, answer) => sum + answer.rate, 0)
    process.send!({ rate, milliseconds: answers[0]!.milliseconds } satisfies HashesAnswer)
  })
} else if (workerData === 'thread') {
  if (process.platform === 'linux') setPriority(0, 19)
  parentPort!.on('message', ({ scheme, seconds }: { scheme: Scheme; seconds: number }) => {
    const times: number[] = []
    const start = performance.now()
    do {
      const before = performance.now()
      hash[scheme]()
      times.push(performance.now() - before)
    } while (performance.now() - start < seconds * 1000)
    const rate = (times.length / (performance.now() - start)) * 1000
    parentPort!.postMessage({ rate, milliseconds: times.sort((a, b) => a - b)[times.length >> 1]! })
  })
}
