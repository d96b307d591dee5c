import { accessSync, constants, mkdtempSync, readFileSync, rmdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from './config.ts'
import { ConfigError } from './config-error.ts'
import { explainPlace } from './data-directory.ts'
import { fileProblem } from './read-file.ts'
import { parseSmtpUrl } from './smtp-url.ts'

/** Can the data directory be used, or made? Leaves nothing there. @throws ConfigError */
export function rehearseDataDirectory(config: Config): void {
  try {
    rehearseDirectory(config.dataDir)
  } catch (error) {
    throw explainPlace(error, config)
  }
}

/** Are the certificates there that the mail server's address names? @throws ConfigError */
export function checkCertificates(config: Config): void {
  const caFile = config.smtpUrl === null ? null : parseSmtpUrl(config.smtpUrl).caFile
  if (caFile === null) return
  try {
    readFileSync(caFile)
  } catch (error) {
    const problem = `Its certificates in ${caFile}: the file ${fileProblem(error)}.`
    const remedy = 'Name a PEM file that the user of the server may read, by "?ca=FILE".'
    throw new ConfigError([{ name: 'NTT_AUTH_SMTP_URL', source: caFile, problem, remedy }])
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
