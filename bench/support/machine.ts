import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'

export type Machine = {
  commit: string
  date: string
  cpu: string
  cores: number
  memory: string
  system: string
  node: string
}

/** What the figures were measured on. A commit with changes on top of it is marked by a plus. */
export function describeMachine(): Machine {
  return {
    commit:
      git('rev-parse', '--short=10', 'HEAD') + (git('status', '--porcelain', '--', 'server', 'bench/*.ts') ? '+' : ''),
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${release()}`,
    node: process.version,
  }
}

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { encoding: 'utf8', cwd: new URL('../..', import.meta.url) }).trim()
  } catch {
    return 'unknown'
  }
}

const ticksPerSecond = 100

/** Seconds of processor time that a process has used, its threads and ended children included. Linux only. */
export function cpuSeconds(pid: number): number {
  try {
    const fields = afterName(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    return (fields[11]! + fields[12]! + fields[13]! + fields[14]!) / ticksPerSecond
  } catch {
    return Number.NaN
  }
}

function afterName(stat: string): number[] {
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
}

/** Resident memory of a process, in MB (10⁶ bytes). Linux only. */
export function residentMemory(pid: number): number {
  try {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return (Number(kilobytes?.[1]) * 1024) / 1e6
  } catch {
    return Number.NaN
  }
}

/** Tells afterwards which share of the machine others had used meanwhile: how far the figures can be trusted. */
export function watchOthers(ours: () => number[]) {
  const start = { busy: busySeconds(), own: total(ours()), at: performance.now() }
  return () => {
    const seconds = ((performance.now() - start.at) / 1000) * cpus().length
    return Math.max(0, (busySeconds() - start.busy - (total(ours()) - start.own)) / seconds)
  }
}

function total(pids: number[]): number {
  return pids.map(cpuSeconds).reduce((sum, seconds) => sum + (Number.isNaN(seconds) ? 0 : seconds), 0)
}

/** Processor time of the whole machine, what a hypervisor gave to others included. */
function busySeconds(): number {
  try {
    const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
      .split('\n')[0]!
      .split(/\s+/)
      .slice(1)
      .map(Number)
    return (user! + nice! + system! + irq! + softirq! + steal!) / ticksPerSecond
  } catch {
    return Number.NaN
  }
}
