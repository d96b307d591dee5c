import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import type { Command, Invocation } from './cli/command.ts'
import { exitCodes } from './cli/exit-codes.ts'
import { findCommand } from './cli/find-command.ts'
import { forTerminal } from './cli/terminal-text.ts'
import { UsageError } from './cli/usage-error.ts'
import { ConfigError } from './config/config-error.ts'
import { nearest } from './config/nearest.ts'
import { SchemaMismatch } from './database/schema-mismatch.ts'
import { WrongMasterKey } from './domain/keys/wrong-master-key.ts'

const aliases = new Map([
  ['--help', 'help'],
  ['-h', 'help'],
  ['--version', 'version'],
])

/** The command line: finds the command, runs it and sets the exit code. */
export async function main(argv: string[]): Promise<void> {
  let isLost = false
  const lose = () => {
    isLost = true
    process.exitCode ||= exitCodes.failed
  }
  outliveFailures(process.stdout, (message) => {
    if (!isLost) tell(`The output could not be written (${message}): what was printed is not whole.`)
    lose()
  })
  outliveFailures(process.stderr, lose)
  const terminal: Terminal = {
    env: process.env,
    // Opened when a command is run, so that a failure of that is told like any other.
    get stdin() {
      return process.stdin
    },
    print,
    tell,
  }
  const code = await runCommandLine(argv, terminal)
  process.exitCode = code || (isLost ? exitCodes.failed : exitCodes.ok)
  await Promise.all([flush(process.stdout), flush(process.stderr)])
  // A library that still waits for somebody, as for a collector of traces, must not keep alive what is done.
  setTimeout(() => process.exit(), linger).unref()
}

/** Milliseconds in which what is left may end by itself. */
const linger = 500

/** What the command line is read from and written to; replaceable in tests. */
export type Terminal = Pick<Invocation, 'env' | 'stdin' | 'print' | 'tell'>

/** @returns the exit code, after everything that is to be said was said */
export async function runCommandLine(argv: string[], terminal: Terminal): Promise<number> {
  return run(argv, terminal).catch((error) => complain(error, terminal))
}

async function run(argv: string[], terminal: Terminal): Promise<number> {
  const [first, ...rest] = argv
  if (first === undefined) {
    const { overview } = await import('./cli/help.ts')
    terminal.tell(await overview())
    return exitCodes.usage
  }
  const name = aliases.get(first) ?? first
  if (name.startsWith('-')) throw new UsageError('The command comes first: ntt-auth <command> [options].')
  const command = await findCommand(name)
  const { values, positionals } = await parse(name, command, rest)
  if (values.help) {
    terminal.print(command.help)
    return exitCodes.ok
  }
  return command.run({ options: values, arguments: positionals, ...terminal })
}

async function parse(name: string, command: Command, args: string[]) {
  const options: ParseArgsOptionsConfig = { ...command.options, help: { type: 'boolean', short: 'h' } }
  try {
    const { values, positionals } = parseArgs({
      args: idsLast(args, options),
      options,
      allowPositionals: true,
      strict: true,
    })
    return { values: values as Invocation['options'], positionals }
  } catch (error) {
    const unknown = /^Unknown option '([^'=]+)/.exec((error as Error).message)?.[1]
    if (unknown !== undefined) throw new UsageError(await unknownOption(name, unknown, Object.keys(options)))
    const ambiguous = /^Option '(?:-\w, )?--([^' ]+).*argument is ambiguous/.exec((error as Error).message)?.[1]
    if (ambiguous !== undefined) {
      const value = args[args.indexOf(`--${ambiguous}`) + 1]
      throw new UsageError(
        `--${ambiguous} needs a value, and "${value}" looks like an option. If it is the value: --${ambiguous}=${value}. ` +
          `See "ntt-auth ${name} --help".`,
      )
    }
    // The sentences after the first are about other ways of calling parseArgs.
    const [sentence] = (error as Error).message.split(/\n|\. /)
    throw new UsageError(`${sentence!.replace(/\.$/, '')}. See "ntt-auth ${name} --help".`)
  }
}

const keyId = /^-[\w-]{42}$/

/** One key in 64 has an id that begins with a hyphen; it is no option all the same. */
function idsLast(args: string[], options: ParseArgsOptionsConfig): string[] {
  const isValue = (index: number) => options[args[index - 1]?.replace(/^--/, '') ?? '']?.type === 'string'
  const isId = (arg: string, index: number) => keyId.test(arg) && !isValue(index)
  const ids = args.filter(isId)
  if (ids.length === 0) return args
  const others = args.filter((arg, index) => !isId(arg, index))
  return [...others, ...(others.includes('--') ? [] : ['--']), ...ids]
}

async function unknownOption(name: string, option: string, known: string[]): Promise<string> {
  const { settingNames, settingOf, flagOf } = await import('./config/env.ts')
  const secret = settingNames.find((setting) => settingOf(setting).secret && `--${flagOf(setting)}` === option)
  if (secret !== undefined) {
    const { secretFlagRefusal } = await import('./config/sources.ts')
    const { problem, remedy } = secretFlagRefusal(secret)
    return `${problem} ${remedy}`
  }
  const meant = nearest(option.replace(/^-+/, ''), known)
  const hint = meant === undefined ? `See "ntt-auth ${name} --help".` : `Did you mean --${meant}?`
  return `"${name}" has no option ${option}. ${hint}`
}

function complain(error: unknown, { env, tell }: Terminal): number {
  if (error instanceof UsageError) {
    tell(error.message)
    return exitCodes.usage
  }
  if (error instanceof ConfigError) {
    tell(error.message)
    return exitCodes.config
  }
  if (error instanceof WrongMasterKey) {
    tell(error.message)
    return exitCodes.config
  }
  if (error instanceof SchemaMismatch) {
    tell(error.message)
    return exitCodes[error.state]
  }
  const level = env.NTT_AUTH_LOG_LEVEL
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  if ((level === 'debug' || level === 'trace') && stack !== undefined) tell(stack)
  else tell(`ntt-auth failed: ${message} (NTT_AUTH_LOG_LEVEL=debug shows where)`)
  return exitCodes.failed
}

/** As it is for a program that reads it. */
function print(line: string): void {
  process.stdout.write(`${process.stdout.isTTY ? forTerminal(line) : line}\n`)
}

function tell(line: string): void {
  process.stderr.write(`${forTerminal(line)}\n`)
}

/**
 * The reader of a pipe may leave early, as in `ntt-auth config print | head -1`: that is no failure. Another, such as a
 * full disk, must not stop what is being done.
 */
function outliveFailures(stream: NodeJS.WriteStream, failed: (message: string) => void): void {
  stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    // A stream that has failed says so again of every further line.
    if (code !== 'EPIPE' && code !== 'ERR_STREAM_DESTROYED') failed(message)
  })
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()))
}
