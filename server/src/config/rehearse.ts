import { accessSync, constants, mkdtempSync, readFileSync, rmdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseDatabaseUrl } from '../database/url.ts'
import type { Config } from './config.ts'
import { ConfigError, type ConfigProblem } from './config-error.ts'
import { explainPlace } from './data-directory.ts'
import { fileProblem } from './read-file.ts'
import { parseRedisUrl } from './redis-url.ts'
import { parseSmtpUrl } from './smtp-url.ts'

/** Can the data directory be used, or made? Leaves nothing there. @throws ConfigError */
export function rehearseDataDirectory(config: Config): void {
  try {
    rehearseDirectory(config.dataDir)
  } catch (error) {
    throw explainPlace(error, config)
  }
}

/** Are the certificates there that addresses of other servers name? @throws ConfigError with all that are not */
export function checkCertificates({ smtpUrl, databaseUrl, redisUrl }: Config): void {
  const database = parseDatabaseUrl(databaseUrl)
  const named: Record<string, string | null> = {
    NTT_AUTH_SMTP_URL: smtpUrl && parseSmtpUrl(smtpUrl).caFile,
    NTT_AUTH_DATABASE_URL: database.embedded ? null : database.caFile,
    NTT_AUTH_REDIS_URL: redisUrl && parseRedisUrl(redisUrl).caFile,
  }
  const problems: ConfigProblem[] = []
  for (const [name, caFile] of Object.entries(named)) {
    if (caFile === null) continue
    const complaint = complaintAbout(caFile)
    if (complaint === null) continue
    const remedy = 'Name a PEM file that the user of the server may read, by "ca=FILE".'
    problems.push({ name, source: caFile, problem: `Its certificates in ${caFile}: ${complaint}`, remedy })
  }
  if (problems.length > 0) throw new ConfigError(problems)
}

function complaintAbout(caFile: string): string | null {
  try {
    const text = readFileSync(caFile, 'latin1')
    return text.includes('-----BEGIN CERTIFICATE-----') ? null : 'the file holds no certificate in PEM.'
  } catch (error) {
    return `the file ${fileProblem(error)}.`
  }
}

/** What may be made where is best known by making it: /proc lets root write, and makes nothing. @throws as `node:fs` does */
function rehearseDirectory(path: string): void {
  const there = statSync(path, { throwIfNoEntry: false })
  if (there === undefined) {
    let above = dirname(path)
    while (!statSync(above, { throwIfNoEntry: false })) above = dirname(above)
    try {
      rmdirSync(mkdtempSync(join(above, '.ntt-auth-')))
    } catch (error) {
      throw Object.assign(error as Error, { path })
    }
    return
  }
  if (!there.isDirectory()) throw Object.assign(new Error('it is no directory'), { code: 'EEXIST', path })
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw Object.assign(error as Error, { path })
  }
}
