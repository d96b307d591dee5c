#!/usr/bin/env -S node --max-semi-space-size=16
// Plain JavaScript, because it must run before anything is compiled: it refuses a runtime that is too old with a
// sentence instead of a syntax error, chooses between what was built and the sources, and switches the compile cache on
// before the first import (code is then compiled only once, not at every start). The flag above is in "npm start" as well:
// by default V8 lets the young generation grow with the memory of the machine, to 134 MB here, and gains nothing by it.
import { existsSync, readdirSync, statSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 9)) {
  process.stderr.write(
    `ntt-auth needs Node 24.9 or newer; this is ${process.version}.\n` +
      'In a checkout, start it by "npm start": npm ci brings the right version. Elsewhere install Node 24.\n',
  )
  process.exit(78)
}

const built = new URL('../dist/main.js', import.meta.url)
const source = new URL('../src/main.ts', import.meta.url)
const inCheckout = existsSync(source)
// In a checkout the cache lies beside what npm installed, and npm ci fills it; elsewhere in the system's place for it.
module.enableCompileCache(
  inCheckout ? fileURLToPath(new URL('../../node_modules/.cache/ntt-auth', import.meta.url)) : undefined,
)
const { main } = await import(inCheckout && !isUpToDate() ? source.href : built.href)
await main(process.argv.slice(2))

/** Was it built after the last edit? Whoever works on the sources runs the sources, without having to think of it. */
function isUpToDate() {
  // Coverage is asked of the sources.
  if (!existsSync(built) || process.env.NODE_V8_COVERAGE) return false
  const { mtimeMs } = statSync(built)
  const sources = fileURLToPath(new URL('.', source))
  // Folders count as well: theirs is the time when a file was taken away.
  return ['', ...readdirSync(sources, { recursive: true })].every((path) => statSync(sources + path).mtimeMs < mtimeMs)
}
