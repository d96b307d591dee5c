import { existsSync } from 'node:fs'
import type { Config } from '../config/config.ts'
import { parseDatabaseUrl } from '../database/url.ts'

/** Called in a wrong directory, a command would make an empty database there, and its answer would pass for the truth. */
export function tellOfNew({ databaseUrl }: Config, tell: (line: string) => void): void {
  const address = parseDatabaseUrl(databaseUrl)
  if (!address.embedded || existsSync(address.path)) return
  tell(`There is no database ${address.path} yet: an empty one is made. --data-dir DIR names another place.`)
}
