/**
 * The command behind `npm test --workspace ntt-auth-client`: runs the tests and measures how much of `src/` they reach.
 * With file patterns as arguments it runs those only, and asks for no coverage.
 */
import { execFileSync, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

// The examples and the package are tested as they are published.
execFileSync(process.execPath, [fileURLToPath(new URL('build.ts', import.meta.url))], { stdio: 'inherit' })

const jest = createRequire(import.meta.url).resolve('jest/bin/jest')
const patterns = process.argv.slice(2)
const child = spawn(
  process.execPath,
  // A test that fails may leave processes and sockets behind, and must not hang the run for that.
  // Jest runs ES modules through an interface of Node's that says at every start that it is new.
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    jest,
    ...(patterns.length > 0 ? patterns : ['--coverage']),
  ],
  { cwd: fileURLToPath(new URL('..', import.meta.url)), stdio: 'inherit' },
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
child.once('exit', (status) => process.exit(status ?? 1))
