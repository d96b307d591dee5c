import type { ParseArgsOptionsConfig } from 'node:util'

/** What a command may touch; replaceable in tests. */
export type Invocation = {
  /** Options that were given, by long name, as `node:util` parseArgs returns them. */
  options: Record<string, string | boolean | (string | boolean)[] | undefined>
  /** What follows the command's name, e.g. `['up']` of `ntt-auth migrate up`. */
  arguments: string[]
  env: Record<string, string | undefined>
  stdin: NodeJS.ReadStream
  /** Writes a line to standard output, the place of results. */
  print(line: string): void
  /** Writes a line to standard error, the place of progress and complaints. */
  tell(line: string): void
}

/** One command of `ntt-auth`; `cli/commands.ts` lists them. */
export type Command = {
  /** One line for the list in `ntt-auth --help`. */
  summary: string
  /** Synopsis, subcommands and two or three examples, as printed by `ntt-auth <command> --help`. */
  help: string
  options: ParseArgsOptionsConfig
  /** @returns the exit code; 0 is success, the others are in `cli/exit-codes.ts` */
  run(invocation: Invocation): Promise<number>
}
