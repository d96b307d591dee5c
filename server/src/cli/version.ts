import { readFileSync } from 'node:fs'
import { packageFile } from '../package-file.ts'
import type { Command } from './command.ts'
import { exitCodes } from './exit-codes.ts'

export const command: Command = {
  summary: 'print the version',
  help: `ntt-auth version [--json] [--quiet]

Prints the version of the server and of Node.

  --json    print an object instead of a line
  --quiet   print nothing; only load every command, which fills the compile cache for quick starts

Examples:
  ntt-auth version
  ntt-auth version --json`,
  options: { json: { type: 'boolean' }, quiet: { type: 'boolean' } },
  async run({ options, print }) {
    if (options.quiet) {
      await loadCommands()
      return exitCodes.ok
    }
    const version = readVersion()
    print(
      options.json
        ? JSON.stringify({ version, node: process.versions.node })
        : `ntt-auth ${version} (Node ${process.versions.node})`,
    )
    return exitCodes.ok
  },
}

export function readVersion(): string {
  return JSON.parse(readFileSync(packageFile('package.json'), 'utf8')).version
}

async function loadCommands(): Promise<void> {
  const { commands } = await import('./commands.ts')
  for (const load of Object.values(commands)) await load()
}
