import type { HashesAnswer, HashesQuestion } from '../bounds/hashes.ts'
import type { Measurement, Row } from '../support/bench.ts'
import { startGenerator, startHelper } from '../support/load.ts'
import { availableThreads } from '../support/processes.ts'
import { password } from '../support/stage.ts'
import { quantile, short } from '../support/statistics.ts'

const storms = [
  { connections: 64, checks: 50, refreshes: 5 },
  { connections: 256, checks: 500, refreshes: 50 },
]

export const storm: Measurement = {
  name: 'storm',
  about: 'validate and refresh while everybody logs in',
  async run(bench) {
    const rows: Omit<Row, 'others'>[] = []
    // The storm is made by another process, so that it cannot hold up the clock of those who only want to work.
    const beside = startGenerator()
    for (const scheme of ['bcrypt', 'argon2id'] as const) {
      const size = { users: 300, accessTokens: 1000 }
      await bench.withServer({ settings: { PASSWORD_HASH: scheme }, ...size }, async (server, stage) => {
        const hashes = startHelper<HashesQuestion, HashesAnswer>('../bounds/hashes.ts')
        const { address } = server
        for (const { connections, checks, refreshes } of storms) {
          const calm = (seconds: number) =>
            bench.generator.run({
              address,
              streams: [
                { work: { kind: 'validate', tokens: stage.accessTokens }, rate: checks },
                { work: { kind: 'refresh', tokens: stage.refreshTokens.slice(0, 200) }, rate: refreshes },
              ],
              warmup: 1,
              seconds,
            })
          const seconds = bench.seconds(12)
          const idle = await calm(bench.seconds(8))
          const bound = await hashes.ask({ scheme, threads: availableThreads, seconds: bench.seconds(3) })
          const [checked, stormed] = await Promise.all([
            calm(seconds),
            beside.run({
              address,
              streams: [{ work: { kind: 'login', emails: stage.emails, password }, connections }],
              warmup: 1,
              seconds,
            }),
          ])
          const after = await hashes.ask({ scheme, threads: availableThreads, seconds: bench.seconds(3) })
          const [validates, refreshed] = checked.streams
          const [logins] = stormed.streams
          const idleP99 = quantile(idle.streams[0]!.accepted, 0.99)
          const p99 = quantile(validates!.accepted, 0.99)
          const all = [validates!, refreshed!, logins!]
          const wrong = all.reduce((count, stream) => count + stream.wrong, 0)
          const answered = all.reduce((count, stream) => count + stream.accepted.length, wrong)
          const what = `storm of ${connections}, ${scheme}`
          const base = { spread: null, peer: '' }
          rows.push(
            {
              ...base,
              what: `${what}: validate p99, ${checks}/s`,
              unit: 'ms',
              value: p99,
              target: { atMost: Math.max(3 * idleP99, 15) },
              peer: '1200 ms',
              detail: `idle ${short(idleP99)} ms: ${short(p99 / idleP99)}×; worst ${short(quantile(validates!.accepted, 1))} ms; the clock itself ${short(checked.loopDelay)} ms`,
            },
            {
              ...base,
              what: `${what}: refresh p99, ${refreshes}/s`,
              unit: 'ms',
              value: quantile(refreshed!.accepted, 0.99),
              target: { atMost: 50 },
              detail: `idle ${short(quantile(idle.streams[1]!.accepted, 0.99))} ms; ${refreshed!.accepted.length} of them`,
            },
            {
              ...base,
              what: `${what}: right answers`,
              unit: '%',
              value: (100 * (answered - wrong)) / answered,
              target: { atLeast: 100 },
              detail: wrong === 0 ? `${answered} answers` : all.map(({ complaint }) => complaint ?? '').join(' '),
            },
            {
              ...base,
              what: `${what}: login goodput ÷ hash bound`,
              unit: 'ratio',
              value: logins!.rate / ((bound.rate + after.rate) / 2),
              target: { atLeast: 0.9 },
              detail: `${short(logins!.rate)} ÷ ${short((bound.rate + after.rate) / 2)} a second`,
            },
          )
        }
        hashes.stop()
      })
    }
    beside.stop()
    return rows
  },
}
