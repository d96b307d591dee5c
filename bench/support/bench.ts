import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { type Generator, helperPids, startGenerator } from './load.ts'
import { watchOthers } from './machine.ts'
import { startServer, type Target, targetPids } from './processes.ts'
import { prepareStage, type Stage } from './stage.ts'
import { median } from './statistics.ts'

/** One line of the table. */
export type Row = {
  what: string
  /** The median of the rounds, or what the detail says. */
  value: number
  unit: 'ratio' | 'ms' | 'MB' | '%' | 'mails' | 'checks' | 'an hour'
  /** The lowest and the highest round, where there were several. */
  spread: [number, number] | null
  target: { atLeast: number } | { atMost: number } | { between: [number, number] } | null
  /** The best figure of the peers we know, measured on two such cores. */
  peer: string
  /** What the figure is made of. */
  detail: string
  /** Which share of the machine others used meanwhile, 0 to 1. */
  others: number
}

export type Measurement = {
  name: string
  about: string
  run(bench: Bench): Promise<Omit<Row, 'others'>[]>
}

export type Bench = {
  /** On the disk that is measured. */
  directory: string
  quick: boolean
  rounds: number
  /** A duration, shortened when it must be quick. */
  seconds(full: number): number
  generator: Generator
  /** Another data directory. */
  newDirectory(): string
  /** A server on data of its own; stopped when `work` is done. */
  withServer<T>(options: ServerOptions, work: (server: Target, stage: Stage) => Promise<T>): Promise<T>
}

export type ServerOptions = { settings?: Record<string, string>; users: number; accessTokens?: number }

export function createBench(directory: string, quick: boolean): Bench & { close(): void } {
  const generator = startGenerator()
  const newDirectory = () => mkdtempSync(join(directory, 'data-'))
  return {
    directory,
    quick,
    rounds: quick ? 2 : 3,
    seconds: (full) => (quick ? Math.max(full / 3, 1) : full),
    generator,
    newDirectory,
    async withServer({ settings = {}, users, accessTokens = 0 }, work) {
      const dataDir = newDirectory()
      const stage = await prepareStage(dataDir, settings, { users, accessTokens })
      const server = await startServer(dataDir, settings)
      try {
        return await work(server, stage)
      } finally {
        await server.stop()
      }
    },
    close: () => generator.stop(),
  }
}

/** Runs a measurement and notes how much of the machine others took. */
export async function runMeasurement(measurement: Measurement, bench: Bench): Promise<Row[]> {
  const othersShare = watchOthers(() => [process.pid, ...helperPids(), ...targetPids()])
  const rows = await measurement.run(bench)
  const others = othersShare()
  return rows.map((row) => ({ ...row, others }))
}

/** A value from several rounds: their median, lowest and highest. */
export function ofRounds(values: number[]): { value: number; spread: [number, number] } {
  return { value: median(values), spread: [Math.min(...values), Math.max(...values)] }
}

export function isMet(row: Row): boolean | null {
  if (row.target === null) return null
  if ('atLeast' in row.target) return row.value >= row.target.atLeast
  if ('atMost' in row.target) return row.value <= row.target.atMost
  return row.value >= row.target.between[0] && row.value <= row.target.between[1]
}
