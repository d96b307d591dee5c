import type { Measurement, Row } from '../support/bench.ts'
import { password } from '../support/stage.ts'
import { median, quantile, short } from '../support/statistics.ts'

export const unknown: Measurement = {
  name: 'unknown',
  about: 'does the time of a login tell whether an address is known?',
  async run(bench) {
    const rows: Omit<Row, 'others'>[] = []
    for (const [scheme, full] of [
      ['argon2id', 200],
      ['bcrypt', 40],
    ] as const) {
      await bench.withServer({ settings: { PASSWORD_HASH: scheme }, users: 50 }, async (server, { emails }) => {
        const count = Math.round(bench.seconds(full))
        const times = { known: [] as number[], unknown: [] as number[] }
        const strangers = emails.map((email) => `no-${email}`)
        const one = async (kind: keyof typeof times) => {
          const { streams } = await bench.generator.run({
            address: server.address,
            // The wrong password for both: only whether the address is known differs.
            streams: [{ work: wrongLogin(kind === 'known' ? emails : strangers), connections: 1 }],
            warmup: 0,
            seconds: 3600,
            requests: 1,
          })
          const { accepted, complaint } = streams[0]!
          if (accepted.length === 0) throw new Error(`A login failed: ${complaint}`)
          times[kind].push(accepted[0]!)
        }
        for (let index = 0; index < count; index++) {
          await one('known')
          await one('unknown')
        }
        rows.push({
          what: `${scheme}: login time, known ÷ unknown address`,
          unit: 'ratio',
          value: median(times.known) / median(times.unknown),
          spread: [
            quantile(times.known, 0.25) / quantile(times.unknown, 0.25),
            quantile(times.known, 0.75) / quantile(times.unknown, 0.75),
          ],
          target: { between: [0.95, 1.05] },
          peer: '1.00; worst 75',
          detail: `medians of ${count}: ${short(median(times.known))} ÷ ${short(median(times.unknown))} ms; the spread is that of the quartiles`,
        })
      })
    }
    return rows
  },
}

function wrongLogin(emails: string[]) {
  return { kind: 'login' as const, emails, password: `not ${password}`, status: 401 }
}
