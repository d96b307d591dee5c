import { setTimeout as delay } from 'node:timers/promises'
import type { Bench, Measurement, Row } from '../support/bench.ts'
import { type Outcome, type Stream, startGenerator } from '../support/load.ts'
import type { Target } from '../support/processes.ts'
import { password, type Stage } from '../support/stage.ts'
import { quantile, short } from '../support/statistics.ts'

// The real limits; where callers are is told by a proxy on this machine.
const settings = { PASSWORD_HASH: 'argon2id', RATE_LIMITS: 'on', TRUSTED_PROXIES: '127.0.0.1' }
const guessesASecond = 300
/** Once its free guesses are used up, a network gets one in so many seconds. */
const between = 15

type Rows = Omit<Row, 'others'>[]

export const attack: Measurement = {
  name: 'attack',
  about: 'what guessing passwords gains, and who notices',
  async run(bench) {
    // By another process, so that it cannot hold up the clock of those who only want to work.
    const attacker = startGenerator()
    const size = { users: 400, accessTokens: 500 }
    try {
      return [
        ...(await bench.withServer({ settings, ...size }, (server, stage) => stuffing(bench, attacker, server, stage))),
        ...(await bench.withServer({ settings, ...size }, (server, stage) => targeted(bench, attacker, server, stage))),
      ]
    } finally {
      attacker.stop()
    }
  },
}

type Attacker = Bench['generator']

/** Twenty networks try stolen pairs, each address once: first what the limits give away, then what they let pass. */
async function stuffing(bench: Bench, attacker: Attacker, { address }: Target, stage: Stage): Promise<Rows> {
  const from = Array.from({ length: 20 }, (_, at) => `198.51.100.${at + 1}`)
  const emails = Array.from({ length: 60_000 }, (_, at) => `stolen-${at}@example.net`)
  const guesses = { work: wrongLogin(emails, from), rate: guessesASecond }
  const calm = await everybody(bench, address, stage, bench.seconds(20))

  const rounds: { seconds: number; checks: number; others: Outcome }[] = []
  // So many guesses are free for each network, and this many a second are checked at most.
  for (const seconds of [60, 60]) {
    const [others, { streams }] = await Promise.all([
      everybody(bench, address, stage, seconds),
      attacker.run({ address, streams: [guesses], warmup: 0, seconds }),
    ])
    rounds.push({ seconds, checks: streams[0]!.accepted.length, others })
  }
  const [first, later] = rounds as [(typeof rounds)[0], (typeof rounds)[0]]
  const sent = guessesASecond * first.seconds
  return [
    {
      what: 'stuffing from 20 networks: password checks in the second minute',
      unit: 'checks',
      value: later.checks,
      spread: null,
      target: { atMost: mostFrom(from.length, later.seconds) },
      peer: '',
      detail:
        `${first.checks} of ${sent} guesses were checked in the first minute; at most ${mostFrom(from.length, 60)} ` +
        `may be in a minute, ${mostFrom(from.length, 3600)} in an hour`,
    },
    ...noticed('stuffing', calm, first.others),
  ]
}

/** Everybody in the world tries one account, whose owner logs in meanwhile. */
async function targeted(bench: Bench, attacker: Attacker, { address }: Target, stage: Stage): Promise<Rows> {
  const from = Array.from({ length: 5000 }, (_, at) => `10.9.${at >> 8}.${at & 255}`)
  const [owner] = stage.emails as [string]
  const [device] = stage.refreshTokens as [string]
  const calm = await everybody(bench, address, stage, bench.seconds(20))
  const seconds = 60
  const owners: Stream[] = [
    { work: { kind: 'login', emails: [owner], password, from: ['192.0.2.1'], devices: [device] }, rate: 1 },
    { work: { kind: 'login', emails: [owner], password, from: ['192.0.2.2'] }, rate: 1 },
  ]
  const attacking = attacker.run({
    address,
    streams: [{ work: wrongLogin([owner], from), rate: guessesASecond }],
    warmup: 0,
    seconds: seconds + 3,
  })
  // The owner comes when the wait has begun: a right password before it would begin the count anew.
  await delay(3000)
  const others = await everybody(bench, address, stage, seconds, owners)
  const { streams } = await attacking
  const [known, unknown] = others.streams.slice(-2)
  const percent = (one: typeof known) => {
    const { accepted, shed, wrong } = one!
    return (100 * accepted.length) / (accepted.length + shed.length + wrong)
  }
  const checks = streams[0]!.accepted.length
  return [
    {
      what: 'one account from 5000 networks: password checks in the first minute',
      unit: 'an hour',
      value: checks * 60,
      spread: null,
      target: { atMost: 6 * 60 },
      peer: '',
      detail: `${checks} of ${guessesASecond * seconds} guesses; by the waits 11 in the first hour, then one an hour, 100 in all`,
    },
    {
      what: 'one account: logins of its owner on a known device',
      unit: '%',
      value: percent(known),
      spread: null,
      target: { atLeast: 100 },
      peer: '',
      detail: `p50 ${short(quantile(known!.accepted, 0.5))} ms, p99 ${short(quantile(known!.accepted, 0.99))} ms`,
    },
    {
      what: 'one account: logins of its owner on a new device',
      unit: '%',
      value: percent(unknown),
      spread: null,
      target: null,
      peer: '',
      detail: `${unknown!.shed.length} were told to try again later`,
    },
    ...noticed('one account', calm, others),
  ]
}

/** Of calls that come every 15 seconds a minute holds four, and five where one falls on its very beginning. */
function mostFrom(networks: number, seconds: number): number {
  return networks * (seconds / between + 1)
}

function wrongLogin(emails: string[], from: string[]) {
  return { kind: 'login' as const, emails, password: `not ${password}`, status: 401, from }
}

/** Others log in from networks of their own, go on with their sessions, and have their tokens checked. */
function everybody(bench: Bench, address: string, stage: Stage, seconds: number, more: Stream[] = []) {
  const emails = stage.emails.slice(10, 200)
  const from = emails.map((_, at) => `203.0.113.${at + 1}`)
  const streams: Stream[] = [
    { work: { kind: 'login', emails, password, from }, rate: 2 },
    { work: { kind: 'refresh', tokens: stage.refreshTokens.slice(200, 400) }, rate: 5 },
    { work: { kind: 'validate', tokens: stage.accessTokens }, rate: 50 },
  ]
  return bench.generator.run({ address, streams: [...streams, ...more], warmup: 1, seconds })
}

function noticed(attack: string, calm: Outcome, during: Outcome): Rows {
  const names = ['login', 'refresh', 'validate']
  const of = (outcome: Outcome, at: number, part: number) => quantile(outcome.streams[at]!.accepted, part)
  const others = during.streams.slice(0, names.length)
  const refused = others.reduce((sum, { shed, wrong }) => sum + shed.length + wrong, 0)
  const asked = others.reduce((sum, { accepted }) => sum + accepted.length, refused)
  const idleP99 = of(calm, 2, 0.99)
  const targets = [null, { atMost: 50 }, { atMost: Math.max(3 * idleP99, 15) }]
  return [
    {
      what: `${attack}: calls of others that were answered as ever`,
      unit: '%',
      value: (100 * (asked - refused)) / asked,
      spread: null,
      target: { atLeast: 100 },
      peer: '',
      detail: others.map(({ accepted }, at) => `${accepted.length} × ${names[at]}`).join(', '),
    },
    ...names.map((name, at) => ({
      what: `${attack}: ${name} of others, p99`,
      unit: 'ms' as const,
      value: of(during, at, 0.99),
      spread: null,
      target: targets[at]!,
      peer: '',
      detail: `p50 ${short(of(during, at, 0.5))} ms; calm p50 ${short(of(calm, at, 0.5))} ms, p99 ${short(of(calm, at, 0.99))} ms`,
    })),
  ]
}
