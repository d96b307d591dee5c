import assert from 'node:assert/strict'
import { pbkdf2 } from 'node:crypto'
import { after, test } from 'node:test'
import { ownBytes, type SlowCall, type Work } from '../../src/domain/passwords/formats/format.ts'
import { type Governor, type GovernorOptions, startGovernor } from '../../src/domain/passwords/governor.ts'
import { AppError } from '../../src/errors.ts'

// Before the first measurement, a unit of 4096 is taken for 400 ms; an order to sleep tells its own time afterwards.
const long: Work = { kind: 'bcrypt', units: 4096 }
const obedient = new URL('./obedient-worker.ts', import.meta.url)

const started: Governor[] = []
after(() => Promise.all(started.map((governor) => governor.close())))

/** Of what a thread computed only the digest matters here. */
function start(options: Partial<GovernorOptions> = {}) {
  const governor = startGovernor({ threads: 1, maxWait: 1500, kind: 'bcrypt', workerUrl: obedient, ...options })
  started.push(governor)
  const run = async (...order: Parameters<Governor['run']>) => (await governor.run(...order)).digest
  return { ...governor, run }
}

function order(text: string): () => SlowCall {
  return () => ({ kind: 'bcrypt', password: ownBytes(text), salt: '' })
}

async function refusal(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => assert.fail('was not refused'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof AppError, String(error))
  return error
}

test('a job that would wait too long is refused at once, before it costs anything', async () => {
  const governor = start()
  const admitted = [1, 2, 3].map(() => governor.run(long, order('sleep 100')))
  let [made, served] = [0, 0]
  for (const job of admitted) void job.then(() => served++)
  const error = await refusal(
    governor.run(long, () => {
      made++
      return order('sleep 1')()
    }),
  )
  assert.equal(error.code, 'overloaded')
  assert.deepEqual([made, served], [0, 0])
  assert.ok(Number.isInteger(error.details.retryAfter) && error.details.retryAfter! >= 1)
  assert.deepEqual(
    { queued: governor.stats().queued, inFlight: governor.stats().inFlight, shed: governor.stats().shed },
    { queued: 2, inFlight: 1, shed: 1 },
  )
  assert.deepEqual(await Promise.all(admitted), ['sleep done', 'sleep done', 'sleep done'])
})

test('a thread is started when all others are busy for the first time', async () => {
  const governor = start({ threads: 3 })
  // A command that hashes nothing starts none.
  assert.equal(governor.stats().running, 0)
  for (let round = 0; round < 3; round++) await governor.run(long, order('sleep 1'))
  assert.equal(governor.stats().running, 1)
  await Promise.all([1, 2].map(() => governor.run(long, order('sleep 20'))))
  assert.equal(governor.stats().running, 2)
})

test('more threads admit more, and the queue is promised to be shorter than the longest wait', async () => {
  const governor = start({ threads: 2 })
  const answers = await Promise.allSettled(Array.from({ length: 20 }, () => governor.run(long, order('sleep 20'))))
  // The last one admitted finds five ahead: 6 × 400 ms ÷ 2 threads is within four fifths of 1500 ms, 7 × would not be.
  assert.equal(answers.filter(({ status }) => status === 'fulfilled').length, 6)
})

test('whoever asks whether there is room is told what a job would be told, and takes no place', async () => {
  const governor = start()
  for (let asked = 0; asked < 10; asked++) governor.admit(long)
  const jobs = [1, 2, 3].map(() => governor.run(long, order('sleep 1')))
  assert.throws(() => governor.admit(long), { code: 'overloaded' })
  assert.throws(() => governor.admit(long), { code: 'overloaded' })
  assert.equal(governor.stats().shed, 2)
  await Promise.all(jobs)
  governor.admit(long)
})

test('jobs are served first come first served', async () => {
  const governor = start({ maxWait: 60_000 })
  const served: number[] = []
  const jobs = [1, 2, 3, 4, 5].map((n) => governor.run(long, order('sleep 5')).then(() => served.push(n)))
  await Promise.all(jobs)
  assert.deepEqual(served, [1, 2, 3, 4, 5])
})

test('a source that brings many jobs does not keep another one waiting', async () => {
  const governor = start()
  const served: string[] = []
  const come = (source: string) =>
    governor.run(long, order('sleep 5'), { source }).then(
      () => served.push(source),
      () => served.push(`${source} sent away`),
    )
  const flood = Array.from({ length: 10 }, () => come('flood'))
  const jobs = [...flood, come('owner')]
  assert.throws(() => governor.admit(long, { source: 'flood' }), { code: 'overloaded' })
  await Promise.all(jobs)
  const order_ = served.filter((who) => !who.endsWith('away'))
  assert.deepEqual(order_, ['flood', 'flood', 'owner', 'flood'])
})

test('who was overtaken for too long is refused in time, wherever it stands', async () => {
  const governor = start({ maxWait: 1000 })
  const first = governor.run(long, order('sleep 1500'), { source: 'a' })
  const overtaken = refusal(governor.run(long, order('sleep 1'), { source: 'a' }))
  await new Promise((resolve) => setTimeout(resolve, 300))
  const newcomer = governor.run({ kind: 'bcrypt', units: 64 }, order('sleep 1'), { source: 'b' })
  assert.equal((await overtaken).code, 'overloaded')
  assert.equal(governor.stats().expired, 1)
  assert.equal((await refusal(newcomer)).code, 'overloaded')
  await first
})

test('a free thread is used however slow the machine has become', async () => {
  const governor = start()
  assert.equal(await governor.run(long, order('claim 1000000')), 'claim done')
  assert.ok(governor.expect(long) > 1500)
  const [first, second] = await Promise.allSettled([
    governor.run(long, order('sleep 1')),
    governor.run(long, order('sleep 1')),
  ])
  assert.equal(first.status, 'fulfilled')
  assert.equal(second.status, 'rejected')
})

test('the estimate follows the measurements and scales with the work', async () => {
  const governor = start()
  assert.equal(governor.expect(long), 400)
  await governor.run(long, order('claim 100'))
  assert.equal(governor.expect(long), 100)
  await governor.run({ kind: 'bcrypt', units: 8192 }, order('claim 400'))
  // A fifth of the way from 100 to 400 ms, and from 4096 units to 8192.
  assert.equal(Math.round(governor.expect(long)), 133)
  assert.equal(governor.stats().busyMs, 500)
  assert.equal(governor.expect({ kind: 'argon2', units: 19456 * 2 }), 60)
})

test('what a thread needs beside its computations counts as well', async () => {
  let time = 0
  const governor = start({ threads: 1, maxWait: 1000, now: () => time })
  for (let round = 0; round < 30; round++) {
    const job = governor.run(long, order('claim 100'))
    time += 300
    await job
  }
  assert.equal(Math.round(governor.expect(long)), 100)
  // 300 ms each in truth: two wait for less than 800 ms, and a third would not.
  const jobs = [1, 2].map(() => governor.run(long, order('claim 100')))
  assert.throws(() => governor.admit(long), { code: 'overloaded' })
  await Promise.all(jobs)
})

test('a job that was not started in time is refused, not started late', async () => {
  const governor = start({ maxWait: 1000 })
  let served = false
  const first = governor.run(long, order('sleep 2500'))
  void first.then(() => {
    served = true
  })
  const queuedAt = performance.now()
  const error = await refusal(governor.run(long, order('sleep 1')))
  const waited = performance.now() - queuedAt
  assert.equal(error.code, 'overloaded')
  assert.ok(waited > 990 && !served, `${waited} ms`)
  assert.equal(governor.stats().expired, 1)
  assert.equal(await first, 'sleep done')
  assert.equal(governor.stats().computed, 1)
})

test('a job that reaches the head too late by the clock is refused there', async () => {
  let time = 0
  const governor = start({ now: () => time })
  const first = governor.run(long, order('sleep 50'))
  const second = refusal(governor.run(long, order('sleep 1')))
  time = 2000
  const third = governor.run({ kind: 'bcrypt', units: 1 }, order('sleep 1'))
  await first
  assert.equal((await second).code, 'overloaded')
  assert.equal(await third, 'sleep done')
})

test('a caller who has gone leaves the queue, and what runs is finished', async () => {
  const governor = start()
  const running = new AbortController()
  const waiting = new AbortController()
  const first = governor.run(long, order('sleep 50'), { signal: running.signal })
  const second = governor.run(long, order('sleep 50'), { signal: waiting.signal })
  waiting.abort(new Error('caller gone'))
  running.abort(new Error('caller gone'))
  await assert.rejects(second, /caller gone/)
  assert.equal(governor.stats().queued, 0)
  assert.equal(governor.stats().abandoned, 1)
  assert.equal(await first, 'sleep done')
  await assert.rejects(
    governor.run(long, order('sleep 1'), { signal: AbortSignal.abort(new Error('gone before')) }),
    /gone before/,
  )
  assert.equal(governor.stats().computed, 1)
})

test('a signal that is never aborted keeps no listener', async () => {
  const governor = start()
  const { signal } = new AbortController()
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--
    remove(...args)
  }
  await governor.run(long, order('sleep 1'), { signal })
  await refusal(governor.run(long, order('fail'), { signal }))
  assert.equal(listeners, 0)
})

test('a thread that dies fails its job as retryable and is replaced', async () => {
  const governor = start()
  const error = await refusal(governor.run(long, order('crash')))
  assert.equal(error.code, 'unavailable')
  assert.equal(error.details.retryAfter, 1)
  assert.match(String(error.details.cause), /code 7/)
  assert.equal(await governor.run(long, order('sleep 1')), 'sleep done')
  assert.equal(governor.stats().crashed, 1)
})

test('the jobs behind a thread that dies are served by the next one', async () => {
  const governor = start()
  const crash = refusal(governor.run(long, order('crash')))
  const next = governor.run(long, order('sleep 1'))
  assert.equal((await crash).code, 'unavailable')
  assert.equal(await next, 'sleep done')
})

test('a thread that cannot start is not started in a tight loop, and nobody hangs', async () => {
  const governor = start({ maxWait: 500, workerUrl: new URL('./stillborn-worker.ts', import.meta.url) })
  const first = await refusal(governor.run(long, order('sleep 1')))
  assert.match(String(first.details.cause), /born dead/)
  const second = await refusal(governor.run(long, order('sleep 1')))
  assert.match(second.code, /unavailable|overloaded/)
  await new Promise((resolve) => setTimeout(resolve, 300))
  assert.ok(governor.stats().crashed <= 4, `${governor.stats().crashed} starts`)
  await governor.close()
})

test('an error inside a thread fails one job only', async () => {
  const governor = start()
  const error = await refusal(governor.run(long, order('fail')))
  assert.equal(error.code, 'unavailable')
  assert.equal(error.details.cause, 'told to fail')
  assert.equal(await governor.run(long, order('sleep 1')), 'sleep done')
  assert.equal(governor.stats().crashed, 0)
})

test('short jobs are posted ahead, long ones are not', async () => {
  const governor = start()
  const short: Work = { kind: 'bcrypt', units: 64 }
  const jobs = [1, 2, 3].map(() => governor.run(short, order('sleep 30')))
  assert.deepEqual([governor.stats().inFlight, governor.stats().queued], [2, 1])
  await Promise.all(jobs)
  const mixed = [
    governor.run(short, order('sleep 30')),
    governor.run({ kind: 'bcrypt', units: 1e6 }, order('sleep 30')),
  ]
  assert.equal(governor.stats().inFlight, 1)
  await Promise.allSettled(mixed)
})

test('a flood of the pool of libuv does not stop the results', async () => {
  const governor = start({ workerUrl: undefined })
  const call = () => ({ kind: 'bcrypt', password: ownBytes('x'), salt: '$2b$04$abcdefghijklmnopqrstuu' }) as const
  await governor.run({ kind: 'bcrypt', units: 16 }, call)
  let flooding = 200
  const flood = Array.from(
    { length: flooding },
    () => new Promise<void>((resolve) => pbkdf2('x', 'y', 40_000, 32, 'sha512', () => resolve(void flooding--))),
  )
  const digests = await Promise.all([1, 2, 3, 4].map(() => governor.run({ kind: 'bcrypt', units: 16 }, call)))
  assert.equal(new Set(digests).size, 1)
  // Served by that pool, they would have come after nearly all of the flood.
  assert.ok(flooding > 20, `${flooding} of the flood were still waiting`)
  await Promise.all(flood)
})

test('closing finishes what runs, refuses the rest, and leaves nothing behind', async () => {
  const count = () => process.getActiveResourcesInfo().filter((name) => /Timeout|Message|Worker/.test(name)).length
  await Promise.all(started.map((governor) => governor.close()))
  await new Promise((resolve) => setTimeout(resolve, 50))
  const before = count()
  const governor = start({ threads: 2 })
  const running = [governor.run(long, order('sleep 50')), governor.run(long, order('sleep 50'))]
  const queued = refusal(governor.run(long, order('sleep 50')))
  const closed = governor.close()
  assert.equal((await queued).code, 'unavailable')
  assert.deepEqual(await Promise.all(running), ['sleep done', 'sleep done'])
  await closed
  assert.equal((await refusal(governor.run(long, order('sleep 1')))).code, 'unavailable')
  await governor.close()
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(count(), before)
})
