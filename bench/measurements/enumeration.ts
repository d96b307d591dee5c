import { setTimeout as delay } from 'node:timers/promises'
import type { Bench, Measurement, Row } from '../support/bench.ts'
import { Connection, requestBytes } from '../support/connection.ts'
import { password } from '../support/stage.ts'
import { areaUnderCurve, median, short } from '../support/statistics.ts'

/** How many of each kind, after some that are not counted. */
const full = 400
const warmUps = 10
/** So many of each run that a mail or an account is made only once for each address. */
const people = 2 * (full + warmUps)
/** Milliseconds of work that the harness puts before one of two kinds, to show that it would notice. */
const planted = 2

type Kind = { path: string; status: number; body(email: string): object }

/**
 * Does the time of an answer tell whether an address is known? One kept connection asks for known and unknown addresses
 * in an order that is drawn; what tells them apart is the difference of the medians, and how often a known one took
 * longer than an unknown one (AUC: 0.5 tells nothing, 0 or 1 everything). Each run is calibrated: known against known,
 * and known against known with some work planted, which has to be noticed.
 */
export const enumeration: Measurement = {
  name: 'enumeration',
  about: 'does the time of login, forgot, register or resend tell whether an address is known?',
  async run(bench) {
    const settings = { PASSWORD_HASH: 'argon2id', EMAIL_VERIFICATION: 'required' }
    return bench.withServer({ settings, users: people }, async ({ address }, { emails }) => {
      const rows: Omit<Row, 'others'>[] = []
      for (const [name, kind] of Object.entries(kinds))
        rows.push(...(await compare(bench, name, kind, address, emails)))
      return rows
    })
  },
}

const kinds: Record<string, Kind> = {
  login: { path: '/v1/auth/login', status: 401, body: (email) => ({ email, password: `not ${password}` }) },
  forgot: { path: '/v1/auth/forgot-password', status: 202, body: (email) => ({ email }) },
  resend: { path: '/v1/auth/verify-email/resend', status: 202, body: (email) => ({ email }) },
  register: { path: '/v1/auth/register', status: 202, body: (email) => ({ email, password: `new ${password}` }) },
}

async function compare(bench: Bench, name: string, kind: Kind, address: string, emails: string[]) {
  const count = Math.round(bench.seconds(full))
  const strangers = emails.map((_, index) => `nobody-${name}-${index}@example.com`)
  const [here, there] = [emails.slice(0, people / 2), emails.slice(people / 2)]
  const known = await alternate(address, kind, count, here, strangers)
  const same = await alternate(address, kind, count, here, there)
  const noticed = await alternate(address, kind, count, here, there, planted)
  const detail = [
    `${count} each; medians ${short(median(known.ones))} and ${short(median(known.others))} ms`,
    `known against known ${figures(same)}`,
    `with ${planted} ms planted ${figures(noticed)}`,
  ].join('; ')
  const row = { spread: null, peer: '', detail }
  const difference = median(known.ones) - median(known.others)
  return [
    {
      ...row,
      what: `${name}: known − unknown, medians`,
      unit: 'ms' as const,
      value: difference,
      target: within(0, 0.5),
    },
    {
      ...row,
      what: `${name}: AUC of a classifier by time`,
      unit: 'ratio' as const,
      value: areaUnderCurve(known.ones, known.others),
      target: within(0.5, 0.08),
    },
  ]
}

function within(middle: number, by: number) {
  return { between: [middle - by, middle + by] as [number, number] }
}

type Compared = { ones: number[]; others: number[] }

function figures({ ones, others }: Compared): string {
  return `${short(median(ones) - median(others))} ms, AUC ${short(areaUnderCurve(ones, others))}`
}

/** @param extra milliseconds that each of the first kind is made to take longer */
async function alternate(
  address: string,
  kind: Kind,
  count: number,
  ones: string[],
  others: string[],
  extra = 0,
): Promise<Compared> {
  const connection = new Connection(address)
  const times: [number[], number[]] = [[], []]
  const ask = async (which: 0 | 1, index: number) => {
    // Otherwise what earlier answers left to do would pile up, until the server sheds.
    await delay(4 + Math.random() * 12)
    const email = (which === 0 ? ones : others)[index]!
    const body = JSON.stringify(kind.body(email))
    const bytes = requestBytes('POST', kind.path, { 'content-type': 'application/json', body })
    const began = performance.now()
    if (which === 0 && extra > 0) spin(extra)
    const { status } = await connection.send(bytes)
    const took = performance.now() - began
    if (status !== kind.status) throw new Error(`${kind.path} answered ${status} instead of ${kind.status}.`)
    if (index >= warmUps) times[which].push(took)
  }
  for (let index = 0; index < count + warmUps; index++) {
    const first = Math.random() < 0.5 ? 0 : 1
    await ask(first, index)
    await ask(first === 0 ? 1 : 0, index)
  }
  connection.close()
  return { ones: times[0], others: times[1] }
}

function spin(milliseconds: number): void {
  const until = performance.now() + milliseconds
  while (performance.now() < until) {}
}
