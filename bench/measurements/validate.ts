import { type Measurement, ofRounds } from '../support/bench.ts'
import type { Stream } from '../support/load.ts'
import { startBareFastify, type Target } from '../support/processes.ts'
import { median, short } from '../support/statistics.ts'

// More than the server remembers, asked in turn: each one is forgotten before it comes again.
const coldTokens = 10_000
const warmTokens = 500
const connections = 64

export const validate: Measurement = {
  name: 'validate',
  about: 'validate and introspect ÷ a bare Fastify route that reads and answers as many bytes, 64 connections',
  run: (bench) =>
    bench.withServer({ users: warmTokens, accessTokens: coldTokens }, async (server, stage) => {
      const bare = await startBareFastify(bench.newDirectory(), stage.validateBody)
      const measure = async (target: Target, work: Stream['work']) => {
        const used = target.cpu()
        const { streams } = await bench.generator.run({
          address: target.address,
          streams: [{ work, connections }],
          warmup: 0.5,
          seconds: bench.seconds(2.5),
        })
        const [{ rate, wrong, complaint, accepted }] = streams as [(typeof streams)[number]]
        if (wrong > 0) throw new Error(`${wrong} wrong answers: ${complaint}`)
        // The first half second is in the processor's account but not in the count.
        const share = bench.seconds(2.5) / (bench.seconds(2.5) + 0.5)
        return { rate, microseconds: ((target.cpu() - used) * share * 1e6) / accepted.length }
      }
      const warm = stage.accessTokens.slice(0, warmTokens)
      const works = {
        // The same bytes to read as a real request: what a token weighs on the wire is nobody's overhead.
        bare: () => measure(bare, { kind: 'get', path: '/', headers: { authorization: `Bearer ${warm[0]!.token}` } }),
        warm: () => measure(server, { kind: 'validate', tokens: warm }),
        cold: () => measure(server, { kind: 'validate', tokens: stage.accessTokens }),
        introspect: () => measure(server, { kind: 'introspect', tokens: warm, credentials: stage.credentials }),
      }
      // Everything is compiled before anything counts.
      for (const work of Object.values(works)) await work()
      const rounds: Record<keyof typeof works, { rate: number; microseconds: number }>[] = []
      for (let round = 0; round < bench.rounds; round++) {
        rounds.push({
          bare: await works.bare(),
          warm: await works.warm(),
          cold: await works.cold(),
          introspect: await works.introspect(),
        })
      }
      await bare.stop()
      const row = (name: 'warm' | 'cold' | 'introspect', what: string, atLeast: number, peer: string) => ({
        what,
        unit: 'ratio' as const,
        ...ofRounds(rounds.map((round) => round[name].rate / round.bare.rate)),
        target: { atLeast },
        peer,
        detail:
          `${short(median(rounds.map((round) => round[name].rate)))} ÷ ${short(median(rounds.map((round) => round.bare.rate)))} a second; ` +
          `${short(median(rounds.map((round) => round[name].microseconds)))} ÷ ${short(median(rounds.map((round) => round.bare.microseconds)))} µs of processor time each`,
      })
      return [
        row('warm', 'validate, token seen before', 0.8, '0.15'),
        row('cold', 'validate, token first seen', 0.18, '0.15'),
        row('introspect', 'introspect, token seen before', 0.6, '0.06'),
      ]
    }),
}
