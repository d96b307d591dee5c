import type { HashesAnswer, HashesQuestion, Scheme } from '../bounds/hashes.ts'
import { type Bench, type Measurement, ofRounds, type Row } from '../support/bench.ts'
import { startHelper } from '../support/load.ts'
import { availableThreads, type Target } from '../support/processes.ts'
import { password, type Stage } from '../support/stage.ts'
import { median, quantile, short } from '../support/statistics.ts'
import type { Work } from '../support/work.ts'

const connections = 64

export const login: Measurement = {
  name: 'login',
  about: 'logins and registrations ÷ what the hashing threads can do at most, 64 connections; one connection',
  async run(bench) {
    const rows: Omit<Row, 'others'>[] = []
    for (const scheme of ['bcrypt', 'argon2id'] as const) {
      rows.push(
        ...(await bench.withServer({ settings: { PASSWORD_HASH: scheme }, users: 200 }, (server, stage) =>
          measure(bench, scheme, server, stage),
        )),
      )
    }
    return rows
  },
}

async function measure(bench: Bench, scheme: Scheme, server: Target, stage: Stage): Promise<Omit<Row, 'others'>[]> {
  const hashes = startHelper<HashesQuestion, HashesAnswer>('../bounds/hashes.ts')
  const bound = (seconds: number) => hashes.ask({ scheme, threads: availableThreads, seconds })
  const loginWork: Work = { kind: 'login', emails: stage.emails, password }
  const run = async (work: Work, impatient = false) => {
    const { streams } = await bench.generator.run({
      address: server.address,
      streams: [{ work, connections, impatient }],
      warmup: 2,
      seconds: bench.seconds(scheme === 'bcrypt' ? 8 : 5),
    })
    const outcome = streams[0]!
    if (outcome.wrong > 0) throw new Error(`${outcome.wrong} wrong answers: ${outcome.complaint}`)
    return outcome
  }
  const logins: { ratio: number; rate: number; bound: number; p99: number; shed: Float64Array }[] = []
  const registrations: { ratio: number; rate: number; bound: number }[] = []
  let before = await bound(bench.seconds(3))
  for (let round = 0; round < bench.rounds; round++) {
    // The bound before and after, because the speed of a shared machine drifts.
    const { rate, accepted, shed } = await run(loginWork)
    const between = await bound(bench.seconds(3))
    const loginBound = (before.rate + between.rate) / 2
    logins.push({ ratio: rate / loginBound, rate, bound: loginBound, p99: quantile(accepted, 0.99), shed })
    const registered = await run({ kind: 'register', prefix: `new-${round}`, password })
    before = await bound(bench.seconds(3))
    const registerBound = (between.rate + before.rate) / 2
    registrations.push({ ratio: registered.rate / registerBound, rate: registered.rate, bound: registerBound })
  }
  const hurried = await run(loginWork, true)
  const extra = await timeAboveHash(bench, scheme, hashes, server, loginWork)
  hashes.stop()
  const shed = logins.flatMap((round) => [...round.shed])
  return [
    {
      what: `${scheme}: login goodput ÷ hash bound`,
      unit: 'ratio',
      ...ofRounds(logins.map(({ ratio }) => ratio)),
      target: { atLeast: 0.95 },
      peer: '0.96–1.04',
      detail: `${short(median(logins.map(({ rate }) => rate)))} ÷ ${short(median(logins.map((round) => round.bound)))} a second; ${shed.length} sent away, p99 ${short(quantile(shed, 0.99))} ms`,
    },
    {
      what: `${scheme}: login p99 of accepted`,
      unit: 'ms',
      ...ofRounds(logins.map(({ p99 }) => p99)),
      target: { atMost: 2000 },
      peer: '4200–8400 ms',
      detail: 'each attempt by itself; clients wait as long as Retry-After says',
    },
    {
      what: `${scheme}: the same, clients that never wait`,
      unit: 'ratio',
      value: hurried.rate / before.rate,
      spread: null,
      target: null,
      peer: '',
      detail: `${short(hurried.rate)} a second, p99 ${short(quantile(hurried.accepted, 0.99))} ms; sent away ${short(hurried.shed.length / bench.seconds(scheme === 'bcrypt' ? 8 : 5))} a second, p99 ${short(quantile(hurried.shed, 0.99))} ms`,
    },
    {
      what: `${scheme}: register goodput ÷ hash bound`,
      unit: 'ratio',
      ...ofRounds(registrations.map(({ ratio }) => ratio)),
      target: { atLeast: 0.9 },
      peer: '0.50',
      detail: `${short(median(registrations.map(({ rate }) => rate)))} ÷ ${short(median(registrations.map((round) => round.bound)))} a second`,
    },
    extra,
  ]
}

type Hashes = ReturnType<typeof startHelper<HashesQuestion, HashesAnswer>>

/** Logins and bare hashes in turn, one at a time. */
async function timeAboveHash(
  bench: Bench,
  scheme: Scheme,
  hashes: Hashes,
  server: Target,
  work: Work,
): Promise<Omit<Row, 'others'>> {
  const pairs = Math.round(bench.seconds(scheme === 'bcrypt' ? 30 : 90))
  const logins: number[] = []
  const bare: number[] = []
  for (let pair = 0; pair < pairs; pair++) {
    const { streams } = await bench.generator.run({
      address: server.address,
      streams: [{ work, connections: 1 }],
      warmup: 0,
      seconds: 3600,
      requests: 1,
    })
    logins.push(streams[0]!.accepted[0]!)
    bare.push((await hashes.ask({ scheme, threads: 1, seconds: 0 })).milliseconds)
  }
  return {
    what: `${scheme}: one login above its hash`,
    unit: 'ms',
    value: median(logins) - median(bare),
    spread: [quantile(logins, 0.25) - quantile(bare, 0.25), quantile(logins, 0.75) - quantile(bare, 0.75)],
    target: { atMost: 3 },
    peer: '',
    detail: `medians of ${pairs}: ${short(median(logins))} − ${short(median(bare))} ms; the spread is that of the quartiles`,
  }
}
