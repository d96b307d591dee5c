import { packageVersion } from '../package-file.ts'
import type { Command } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { refuseArguments } from './no-arguments.ts'

export const command: Command = {
  summary: 'print the version',
  help: `ntt-auth version [--json] [--quiet]

Prints the version of the server and of Node, and with --json also the database schema it goes with.

  --json    print an object instead of a line
  --quiet   print nothing; only load every command, which fills the compile cache for quick starts

Examples:
  ntt-auth version
  ntt-auth version --json`,
  options: { json: { type: 'boolean' }, quiet: { type: 'boolean' } },
  async run({ options, arguments: words, print }) {
    refuseArguments('version', words)
    if (options.quiet) {
      await loadCommands()
      return exitCodes.ok
    }
    const [version, node] = [packageVersion(), process.versions.node]
    if (options.json) {
      const { migrations } = await import('../database/migrations.ts')
      const schema = { number: migrations.length, name: migrations.at(-1)!.name }
      print(JSON.stringify({ version, node, schema }))
    } else {
      print(`ntt-auth ${version} (Node ${node})`)
    }
    return exitCodes.ok
  },
}

async function loadCommands(): Promise<void> {
  const { commands } = await import('./commands.ts')
  for (const load of Object.values(commands)) await load()
}
