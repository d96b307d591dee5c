import { nearest } from '../config/nearest.ts'
import type { Command } from './command.ts'
import { commands } from './commands.ts'
import { UsageError } from './usage-error.ts'

/** @throws UsageError with the nearest known command */
export async function findCommand(name: string): Promise<Command> {
  if (Object.hasOwn(commands, name)) return (await commands[name]!()).command
  const meant = nearest(name, Object.keys(commands))
  const hint = meant === undefined ? '"ntt-auth help" lists the commands.' : `Did you mean "${meant}"?`
  throw new UsageError(`There is no command "${name}". ${hint}`)
}
