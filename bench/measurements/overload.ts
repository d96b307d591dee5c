import { type Measurement, ofRounds, type Row } from '../support/bench.ts'
import { password } from '../support/stage.ts'
import { median, quantile, short } from '../support/statistics.ts'

export const overload: Measurement = {
  name: 'overload',
  about: 'logins at three times what the server can do',
  async run(bench) {
    const rows: Omit<Row, 'others'>[] = []
    for (const scheme of ['bcrypt', 'argon2id'] as const) {
      await bench.withServer({ settings: { PASSWORD_HASH: scheme }, users: 200 }, async (server, { emails }) => {
        const work = { kind: 'login' as const, emails, password }
        const rounds: { ratio: number; p99: number; accepted: number; growth: number; rate: number; peak: number }[] =
          []
        for (let round = 0; round < bench.rounds; round++) {
          const seconds = bench.seconds(6)
          const plan = { address: server.address, warmup: 2, seconds }
          const { streams: atPeak } = await bench.generator.run({ ...plan, streams: [{ work, connections: 16 }] })
          const peak = atPeak[0]!.rate
          const memory = server.memory()
          const { streams } = await bench.generator.run({ ...plan, streams: [{ work, rate: 3 * peak }] })
          const { rate, shed, accepted, wrong, complaint } = streams[0]!
          if (wrong > 0) throw new Error(`${wrong} wrong answers: ${complaint}`)
          rounds.push({
            ratio: rate / peak,
            rate,
            peak,
            p99: quantile(shed, 0.99),
            accepted: quantile(accepted, 0.99),
            growth: server.memory() - memory,
          })
        }
        const of = (name: keyof (typeof rounds)[number]) => rounds.map((round) => round[name])
        rows.push(
          {
            what: `overload 3×, ${scheme}: goodput ÷ peak`,
            unit: 'ratio',
            ...ofRounds(of('ratio')),
            target: { atLeast: 0.9 },
            peer: 'nobody sheds',
            detail: `${short(median(of('rate')))} ÷ ${short(median(of('peak')))} a second; accepted p99 ${short(median(of('accepted')))} ms; memory ${short(median(of('growth')))} MB more`,
          },
          {
            what: `overload 3×, ${scheme}: p99 of 503`,
            unit: 'ms',
            ...ofRounds(of('p99')),
            target: { atMost: 20 },
            peer: 'nobody sheds',
            detail: 'from the time the request was due',
          },
        )
      })
    }
    return rows
  },
}
