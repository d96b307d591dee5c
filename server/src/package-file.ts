import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { dirname, join } from 'node:path'

/** The version that stands in `package.json`. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(packageFile('package.json'), 'utf8')).version
}

const home = dirname(findPackageJSON(import.meta.url)!)

/** A file that is shipped in this package, wherever the code runs from. @param path relative to `package.json` */
export function packageFile(path: string): string {
  return join(home, path)
}
