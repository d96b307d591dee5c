import { accessSync, constants, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'

/** Where test data goes: into memory when there is room, because creating schemas waits mostly for the disk. */
export function quickDirectory(): string {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm')
    accessSync('/dev/shm', constants.W_OK)
    return bavail * bsize > 500_000_000 ? '/dev/shm' : tmpdir()
  } catch {
    return tmpdir()
  }
}
