import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export type Runtime = { name: string; command: string; arguments: string[] }

const directory = fileURLToPath(new URL('../../.runtimes/node_modules/', import.meta.url))
const programs: [name: string, pattern: string, ...first: string[]][] = [
  ['Node.js 26', `node-${process.platform}-${process.arch}/bin/node`],
  ['Deno', '@deno/*/deno', 'run', '-A'],
  ['Bun', '@oven/bun-*/bin/bun'],
]

/** This Node, and what `npm run runtimes` has installed. */
export const runtimes: Runtime[] = [{ name: `Node.js ${process.version}`, command: process.execPath, arguments: [] }]
export const missing: string[] = []

for (const [name, pattern, ...first] of programs) {
  const [found] = globSync(pattern, { cwd: directory })
  if (found) runtimes.push({ name, command: directory + found, arguments: first })
  else missing.push(name)
}
if (missing.length > 0) {
  console.error(`SKIPPED: the package in ${missing.join(', ')}, because "npm run runtimes" was not called.`)
}
