import { parseArgs } from 'node:util'
import type { Command, Invocation } from '../../src/cli/command.ts'

/** Runs a command in this process, as `main.ts` would. */
export async function runCommand(command: Command, args: string[], env: Record<string, string> = {}) {
  const { values, positionals } = parseArgs({ args, options: command.options, allowPositionals: true, strict: true })
  let [stdout, stderr] = ['', '']
  const code = await command.run({
    options: values as Invocation['options'],
    arguments: positionals,
    env,
    stdin: process.stdin,
    print: (line) => (stdout += `${line}\n`),
    tell: (line) => (stderr += `${line}\n`),
  })
  return { code, stdout, stderr }
}
