import { join } from 'node:path'
import type { CommitsQuestion } from '../bounds/commits.ts'
import { type Measurement, ofRounds } from '../support/bench.ts'
import { startHelper } from '../support/load.ts'
import { median, quantile, short } from '../support/statistics.ts'

const most = 64

type Speed = { rate: number; p99: number }

export const refresh: Measurement = {
  name: 'refresh',
  about: 'durable refreshes on SQLite ÷ durable single-row commits by better-sqlite3 on the same disk',
  run: (bench) =>
    bench.withServer({ users: most + 1 }, async (server, stage) => {
      const commits = startHelper<CommitsQuestion, { rate: number }>('../bounds/commits.ts')
      const bound = join(bench.newDirectory(), 'bound.sqlite')
      const chains = { 1: stage.refreshTokens.slice(0, 1), [most]: stage.refreshTokens.slice(1) }
      const seconds = bench.seconds(2.5)
      const measure = async (connections: 1 | typeof most) => {
        const work = { kind: 'refresh' as const, tokens: chains[connections]! }
        const { streams } = await bench.generator.run({
          address: server.address,
          streams: [{ work, connections }],
          warmup: 0.5,
          seconds,
        })
        const { wrong, complaint, rate, accepted } = streams[0]!
        if (wrong > 0) throw new Error(`${wrong} wrong answers: ${complaint}`)
        return { rate, p99: quantile(accepted, 0.99) }
      }
      const rounds: { raw: number; one: Speed; many: Speed }[] = []
      for (let round = -1; round < bench.rounds; round++) {
        const { rate: raw } = await commits.ask({ path: bound, seconds })
        rounds.push({ raw, one: await measure(1), many: await measure(most) })
      }
      rounds.shift()
      commits.stop()
      const row = (name: 'one' | 'many', what: string, atLeast: number) => ({
        what,
        unit: 'ratio' as const,
        ...ofRounds(rounds.map((round) => round[name].rate / round.raw)),
        target: { atLeast },
        peer: '0.05–0.08',
        detail: `${short(median(rounds.map((round) => round[name].rate)))} ÷ ${short(median(rounds.map((round) => round.raw)))} a second; p99 ${short(median(rounds.map((round) => round[name].p99)))} ms`,
      })
      return [
        row('one', 'refresh on SQLite, 1 connection', 0.4),
        row('many', `refresh on SQLite, ${most} connections`, 0.8),
      ]
    }),
}
