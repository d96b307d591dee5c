/**
 * Installs the runtimes beside this Node that the package is tested in, under `.runtimes/`: Node.js 26, Deno, Bun and
 * workerd (what Cloudflare's workers run in) from npm. `npm run runtimes`; without it those tests are skipped by name.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const directory = fileURLToPath(new URL('../.runtimes', import.meta.url))
const platform = `${process.platform}-${process.arch === 'x64' ? '64' : process.arch}`
const packages = [
  `node-${process.platform}-${process.arch}@26.10.0`,
  'deno@2.9.6',
  'bun@1.4.5',
  `@cloudflare/workerd-${platform}@1.20261117.1`,
]

mkdirSync(directory, { recursive: true })
writeFileSync(`${directory}/package.json`, '{ "private": true }\n')
// No install scripts: each package has the program in a package of its own for this platform.
const flags = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts']
execFileSync('npm', ['install', '--prefix', directory, ...flags, ...packages], { stdio: 'inherit' })
