import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('../..', import.meta.url))

/** What stands in the README under a file's name, by that name. */
export const snippets = new Map(
  [...readFileSync(join(here, 'README.md'), 'utf8').matchAll(/^```(\w+)( \S+)?\n(.*?)^```/gms)].map(
    ([, language, name, text]) => [name?.trim() ?? language!, text!],
  ),
)

export function snippet(name: string): string {
  const text = snippets.get(name)
  if (text === undefined) throw new Error(`The README has no ${name}.`)
  return text
}

export type Project = { directory: string; write(name: string, text: string): string; remove(): void }

/** A program of somebody who has installed the package, as it is published. */
export function startProject(): Project {
  const directory = mkdtempSync(join(here, '.readme-'))
  const write = (name: string, text: string) => {
    const file = join(directory, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    return file
  }
  write('package.json', '{ "type": "module" }')
  mkdirSync(join(directory, 'node_modules'))
  symlinkSync(here, join(directory, 'node_modules/ntt-auth-client'))
  return { directory, write, remove: () => rmSync(directory, { recursive: true, force: true }) }
}
