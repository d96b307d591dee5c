import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { fileProblem } from '../config/read-file.ts'
import type { Invocation } from './command.ts'
import { UsageError } from './usage-error.ts'

/** From standard input with `--password-stdin`, else from the terminal, twice; never from the command line. */
export async function readPassword(invocation: Invocation, email: string): Promise<string> {
  return invocation.options['password-stdin'] ? readAll(invocation) : ask(invocation, email)
}

async function readAll({ stdin }: Invocation): Promise<string> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of stdin) chunks.push(Buffer.from(chunk))
  } catch (error) {
    throw new UsageError(`Standard input ${fileProblem(error)}. Pass a file or a pipe that holds the password.`)
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}

async function ask({ stdin }: Invocation, email: string): Promise<string> {
  if (!stdin.isTTY)
    throw new UsageError('There is no terminal to ask for the password; use --password-stdin or --link.')
  const silent = new Writable({ write: (_piece, _encoding, done) => done() })
  const lines = createInterface({ input: stdin, output: silent, terminal: true })
  try {
    process.stderr.write(`Password for ${email}: `)
    const first = await lines.question('')
    process.stderr.write('\nThe same again: ')
    const second = await lines.question('')
    process.stderr.write('\n')
    if (first !== second) throw new UsageError('The two passwords differ; nothing was made.')
    return first
  } finally {
    lines.close()
  }
}
