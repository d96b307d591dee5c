import { closeSync, openSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { ConfigurationError } from '../errors/errors.ts'

const needs = 'fileStorage needs Node.js 24 or newer: here is no node:sqlite, which lends it its lock.'

/**
 * Runs `work` while no other process does. SQLite lends its kernel lock on the file: it ends with the process that
 * holds it, however that ends, and the file stays empty and is never removed.
 * @param path of the lock file
 * @param waitMs how long to wait for others
 * @throws ConfigurationError where the runtime has no such lock
 * @returns null when it could not be had in time; nothing was done then
 */
export async function underFileLock<T>(
  path: string,
  waitMs: number,
  work: () => T | Promise<T>,
): Promise<{ result: T } | null> {
  const { DatabaseSync } = await import('node:sqlite').catch((cause) => {
    throw new ConfigurationError('config_invalid', needs, { cause })
  })
  // Whoever may read it could lock it, and have everybody wait.
  closeSync(openSync(path, 'a', 0o600))
  const database = new DatabaseSync(path)
  try {
    const until = performance.now() + waitMs
    while (!taken(database)) {
      if (performance.now() >= until) return null
      // At random, or those who wait would all wake at once.
      await delay(2 + Math.random() * 18)
    }
    return { result: await work() }
  } finally {
    database.close()
  }
}

function taken(database: { exec(sql: string): void }): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if ((error as { errcode?: number }).errcode === 5) return false
    throw error
  }
}
