import { setTimeout as delay } from 'node:timers/promises'
import type { Measurement, Row } from '../support/bench.ts'
import { startBareFastify, startServer, type Target } from '../support/processes.ts'
import { password, prepareStage } from '../support/stage.ts'
import { median, short } from '../support/statistics.ts'

export const start: Measurement = {
  name: 'start',
  about: 'from nothing to ready, and memory',
  async run(bench) {
    const starts = bench.quick ? 5 : 11
    const times = { first: [] as number[], uncached: [] as number[], warm: [] as number[], bare: [] as number[] }
    const memory = { ours: [] as number[], bare: [] as number[] }
    const used = bench.newDirectory()
    const stage = await prepareStage(used, {}, { users: 200, accessTokens: 1000 })
    const take = async (kind: keyof typeof times, target: Target) => {
      times[kind].push(target.startTime)
      if (kind === 'warm' || kind === 'bare') {
        await delay(bench.seconds(1.5))
        memory[kind === 'warm' ? 'ours' : 'bare'].push(target.memory())
      }
      await target.stop()
    }
    await (await startServer(used, {})).stop()
    for (let round = 0; round < starts; round++) {
      await take('warm', await startServer(used, {}))
      await take('bare', await startBareFastify(bench.newDirectory(), stage.validateBody))
      await take('first', await startServer(bench.newDirectory(), {}))
    }
    for (let round = 0; round < 3; round++) {
      await take('uncached', await startServer(bench.newDirectory(), {}, { NODE_DISABLE_COMPILE_CACHE: '1' }))
    }

    const after: { scheme: string; megabytes: number }[] = []
    for (const scheme of ['bcrypt', 'argon2id']) {
      const settings = { PASSWORD_HASH: scheme }
      const directory = bench.newDirectory()
      const tokens = await prepareStage(directory, settings, { users: 200, accessTokens: 10_000 })
      const server = await startServer(directory, settings)
      const { emails, refreshTokens, accessTokens } = tokens
      const load = { address: server.address, warmup: 0, seconds: bench.seconds(4) }
      const works = [
        { kind: 'validate' as const, tokens: accessTokens },
        { kind: 'refresh' as const, tokens: refreshTokens.slice(0, 64) },
        { kind: 'login' as const, emails, password },
      ]
      for (const work of works) await bench.generator.run({ ...load, streams: [{ work, connections: 64 }] })
      await delay(2000)
      after.push({ scheme, megabytes: server.memory() })
      await server.stop()
    }

    const range = (values: number[]): [number, number] => [Math.min(...values), Math.max(...values)]
    const row = (
      what: string,
      unit: 'ms' | 'MB',
      values: number[],
      atMost: number | null,
      peer: string,
      detail: string,
    ): Omit<Row, 'others'> => ({
      what,
      unit,
      value: median(values),
      spread: range(values),
      target: atMost === null ? null : { atMost },
      peer,
      detail,
    })
    const beside = `bare Fastify ${short(median(times.bare))} ms`
    return [
      row('start to ready', 'ms', times.warm, 500, '700 ms (Node), 32 ms (Go)', `${beside}; ${starts} starts`),
      row('start to ready, new data directory', 'ms', times.first, 500, '', 'makes the schema and the keys'),
      row('start to ready, nothing compiled yet', 'ms', times.uncached, null, '', 'without the compile cache'),
      row('memory, idle', 'MB', memory.ours, 100, '103 MB (Node)', `bare Fastify ${short(median(memory.bare))} MB`),
      ...after.map(({ scheme, megabytes }) => ({
        ...row(`memory after load, ${scheme}`, 'MB', [megabytes], 160, '337 MB (Node)', 'validate, refresh, login'),
        spread: null,
      })),
    ]
  },
}
