import { createInterface } from 'node:readline/promises'
import { createApp } from '../app.ts'
import { systemClock } from '../clock.ts'
import { normaliseEmail } from '../domain/users/email.ts'
import { createAdmin } from '../flows/create-admin.ts'
import { createLog } from '../log.ts'
import { bringSchema } from '../start.ts'
import type { Command, Invocation } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { configFrom, settingFlags } from './load-config.ts'
import { UsageError } from './usage-error.ts'

export const command: Command = {
  summary: 'make an administrator',
  help: `Usage: ntt-auth create-admin --email ADDRESS [--password-stdin] [--name NAME]

Makes a user with the role admin. The password is asked for, or read from standard
input with --password-stdin; it never stands on the command line.

Examples:
  ntt-auth create-admin --email ada@example.com
  ntt-auth create-admin --email ada@example.com --password-stdin < password.txt`,
  options: {
    ...settingFlags,
    email: { type: 'string' },
    name: { type: 'string' },
    'password-stdin': { type: 'boolean' },
  },
  async run(invocation) {
    const { options, print } = invocation
    const email = typeof options.email === 'string' ? normaliseEmail(options.email) : null
    if (email === null) throw new UsageError('Say for whom: ntt-auth create-admin --email you@example.com')
    const config = configFrom(invocation)
    const app = await createApp(config, createLog('error'), systemClock)
    try {
      await bringSchema(app)
      const password = options['password-stdin'] ? await readAll(invocation) : await ask(invocation, email)
      const name = typeof options.name === 'string' ? options.name : null
      const user = await createAdmin(app, { email, name, password })
      print(`${user.email} is an administrator (${user.id}).`)
      return exitCodes.ok
    } finally {
      await app.close()
    }
  },
}

async function readAll({ stdin }: Invocation): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}

async function ask({ stdin }: Invocation, email: string): Promise<string> {
  if (!stdin.isTTY) throw new UsageError('There is no terminal to ask for the password; use --password-stdin.')
  const silent = { write: () => true } as unknown as NodeJS.WritableStream
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
