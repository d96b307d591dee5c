import { closeSync, fsyncSync, linkSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { makeDirectory } from '../make-directory.ts'
import { randomBytes, randomToken } from '../random.ts'
import type { Config } from './config.ts'
import { ConfigError } from './config-error.ts'
import { masterKey, masterKeyLength } from './master-key-value.ts'
import { fileProblem, type ReadFile, readFile as readFromDisk } from './read-file.ts'

type KeyPlace = Pick<Config, 'masterKeys' | 'dataDir'>

/**
 * The configured master keys, the current one first; without any, the one kept in the data directory.
 * @returns null where there is none yet
 * @throws ConfigError for a file that others may read or that holds no key
 */
export function findMasterKeys(config: KeyPlace): Buffer[] | null {
  if (config.masterKeys !== null) return config.masterKeys
  const kept = readMasterKey(masterKeyFile(config.dataDir))
  return kept === null ? null : [kept]
}

/** The database holds what another master key has sealed: a new one would be the wrong one. */
export function lostMasterKey(config: KeyPlace): ConfigError {
  const problem = 'The database holds keys that a master key has sealed, and the master key is not there.'
  const remedy = 'Restore the file from a backup, or set NTT_AUTH_MASTER_KEY to what it held.'
  return refusal(masterKeyFile(config.dataDir), problem, remedy)
}

/** As `findMasterKeys`; made where there is none yet. */
export function loadMasterKeys(config: KeyPlace): Buffer[] {
  const kept = findMasterKeys(config)
  if (kept !== null) return kept
  const path = masterKeyFile(config.dataDir)
  const remedy = 'Make the data directory writable, or set NTT_AUTH_MASTER_KEY.'
  try {
    makeMasterKeyFile(config.dataDir, path)
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message
    throw refusal(path, `A master key cannot be made there (${reason}).`, remedy)
  }
  // Read back, because a start at the same time may have been first.
  const made = readMasterKey(path)
  if (made === null) throw refusal(path, 'There is something else in its place.', remedy)
  return [made]
}

export function masterKeyFile(dataDir: string): string {
  return join(dataDir, 'master.key')
}

/** @returns null where there is no such file */
export function readMasterKey(path: string, readFile: ReadFile = readFromDisk): Buffer | null {
  let file: ReturnType<ReadFile>
  try {
    file = readFile(path)
  } catch (error) {
    if (/^(ENOENT|ENOTDIR)$/.test((error as NodeJS.ErrnoException).code ?? '')) return null
    throw refusal(path, `The file ${fileProblem(error)}.`, 'Let the user of the server read it.')
  }
  if ((file.mode & 0o077) !== 0)
    throw refusal(path, 'Others than its owner may use the file.', `Run: chmod 600 ${path}`)
  try {
    return masterKey().read(file.text.trim())
  } catch {
    throw refusal(
      path,
      'The file is damaged: it holds no master key.',
      'Restore it from a backup; what it sealed is lost without it. For a new installation, delete it.',
    )
  }
}

function makeMasterKeyFile(dataDir: string, path: string): void {
  makeDirectory(dataDir)
  const draft = `${path}.${randomToken(9)}`
  writeDurably(draft, `${randomBytes(masterKeyLength).toString('base64url')}\n`)
  try {
    // Unlike a rename, a link never replaces the key of a start at the same time.
    linkSync(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    unlinkSync(draft)
  }
  syncDirectory(dataDir)
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

function refusal(path: string, problem: string, remedy: string): ConfigError {
  return new ConfigError([{ name: 'NTT_AUTH_MASTER_KEY', source: `file ${path}`, problem, remedy }])
}
