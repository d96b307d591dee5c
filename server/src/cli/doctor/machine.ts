import { readFileSync, statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import type { Config } from '../../config/config.ts'
import { type Finding, fine, problem, warning } from '../../database/finding.ts'

const megabyte = 1024 * 1024
const leastOpenFiles = 4096

/** The data directory, the disk it is on, and the limits of this process. */
export async function examineMachine(config: Config): Promise<Finding[]> {
  return [...examineDirectory(config.dataDir), ...(await examineDisk(config.dataDir)), ...examineLimits()]
}

function examineDirectory(path: string): Finding[] {
  const there = statSync(path, { throwIfNoEntry: false })
  if (there === undefined) {
    return [warning(`The data directory ${path} does not exist yet.`, 'The first start makes it, where it can.')]
  }
  const { mode } = there
  if ((mode & 0o077) !== 0) {
    return [warning(`The data directory ${path} is open to other users of this machine.`, `Run: chmod 700 ${path}`)]
  }
  return [fine(`The data directory is ${path}.`)]
}

async function examineDisk(path: string): Promise<Finding[]> {
  try {
    const { bavail, bsize } = await statfs(path)
    return [judgeSpace((bavail * bsize) / megabyte)]
  } catch {
    return []
  }
}

/** @param free megabytes */
export function judgeSpace(free: number): Finding {
  const says = `${Math.floor(free)} MB are free on the disk of the data directory.`
  const remedy = 'Make room: a full disk stops logins, and the journal of ends.'
  if (free < 100) return problem(says, remedy)
  return free < 1024 ? warning(says, remedy) : fine(says)
}

function examineLimits(): Finding[] {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return limit === undefined ? [] : [judgeOpenFiles(Number(limit))]
  } catch {
    // Not Linux.
    return []
  }
}

export function judgeOpenFiles(limit: number): Finding {
  const says = `This process may open ${limit} files, so at most as many connections.`
  return limit < leastOpenFiles ? warning(says, 'Raise the limit (ulimit -n, or LimitNOFILE in systemd).') : fine(says)
}
