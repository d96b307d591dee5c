import { flagOf, settingNames, settingOf, variableOf } from '../config/env.ts'
import type { Command } from './command.ts'
import { commands } from './commands.ts'
import { exitCodes } from './exit-codes.ts'
import { findCommand } from './find-command.ts'
import { refuseArguments } from './no-arguments.ts'

export const command: Command = {
  summary: 'explain a command, or the settings',
  help: `ntt-auth help [<command> | settings]

Lists the commands, explains one of them, or lists the settings.

Examples:
  ntt-auth help
  ntt-auth help config
  ntt-auth help settings`,
  options: {},
  async run({ arguments: [topic, ...rest], print }) {
    refuseArguments('help', rest)
    if (topic === undefined) print(await overview())
    else if (topic === 'settings') print(settingsHelp())
    else print((await findCommand(topic)).help)
    return exitCodes.ok
  },
}

/** The commands, one line each. */
export async function overview(): Promise<string> {
  const names = Object.keys(commands)
  const width = Math.max(...names.map((name) => name.length))
  const lines: string[] = []
  for (const name of names) {
    const { summary } = (await commands[name]!()).command
    lines.push(`  ${name.padEnd(width)}  ${summary}`)
  }
  return `ntt-auth <command> [options]

${lines.join('\n')}

Begin with "ntt-auth serve", and beside it "ntt-auth create-admin --email you@example.com". Every command reads the same
configuration as the server: variables NTT_AUTH_…, a JSON file (--config FILE), or flags. Unless told, the data lies in
./data: call them in the same directory, or set NTT_AUTH_DATA_DIR. Exit 0 is success; what else a command exits with, its
help tells.

"ntt-auth <command> --help" explains a command, "ntt-auth help settings" lists the settings.`
}

function settingsHelp(): string {
  const entries = settingNames.map((name) => {
    const setting = settingOf(name)
    const flag = setting.secret ? `or ${variableOf(name)}_FILE` : `--${flagOf(name)}`
    const text = setting.defaultMeaning ?? setting.default
    const usual = (text === undefined || text === '' ? 'none' : text).replaceAll('`', '')
    return `${variableOf(name)}  ${flag}\n  ${setting.meaning}\n  ${setting.type.form.replaceAll('`', '')}; default: ${usual}`
  })
  return entries.join('\n\n')
}
