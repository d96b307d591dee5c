import { normaliseEmail } from '../domain/users/email.ts'
import { AppError } from '../errors.ts'
import { createAdmin, inviteAdmin, promoteToAdmin } from '../flows/create-admin.ts'
import { createUserRoute } from '../http/routes/admin-users.ts'
import { validatorOf } from '../http/validation.ts'
import { linkView, userView } from '../http/views.ts'
import type { Command, Invocation } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { invitationText } from './invitation.ts'
import { settingFlags } from './load-config.ts'
import { readPassword } from './read-password.ts'
import { UsageError } from './usage-error.ts'
import { withApp } from './with-app.ts'

const checkFields = validatorOf(createUserRoute.body!, 'body')

type App = Parameters<Parameters<typeof withApp>[1]>[0]

export const command: Command = {
  summary: 'make an administrator',
  help: `Usage: ntt-auth create-admin --email ADDRESS [--password-stdin | --link | --promote] [--name NAME] [--json]

Makes a user with the role admin. The password is asked for, or read from standard
input with --password-stdin; it never stands on the command line, and there is no
default one. Needs no running server, and may run beside one. Of two who make the
same administrator at once, one succeeds.

  --email ADDRESS     whose account
  --name NAME         what to call the administrator
  --password-stdin    read the password from standard input
  --link              make a one-time link instead, by which the owner chooses the password
  --promote           give the role to a user who is there already
  --json              print an object
  --config FILE       the JSON file with settings, instead of NTT_AUTH_CONFIG_FILE
  --<setting> VALUE   any setting that is no secret; "ntt-auth help settings" lists them

Exit: 0 done; 1 refused, e.g. because the address has an account; 5 --promote: there is no such user.

Examples:
  ntt-auth create-admin --email ada@example.com
  ntt-auth create-admin --email ada@example.com --password-stdin < password.txt
  ntt-auth create-admin --email ada@example.com --link
  ntt-auth create-admin --email ada@example.com --promote`,
  options: {
    ...settingFlags,
    email: { type: 'string' },
    name: { type: 'string' },
    'password-stdin': { type: 'boolean' },
    link: { type: 'boolean' },
    promote: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  async run(invocation) {
    const { options } = invocation
    if (typeof options.email !== 'string' || invocation.arguments.length > 0) {
      throw new UsageError('Say for whom: "ntt-auth create-admin --email you@example.com".')
    }
    const email = normaliseEmail(options.email)
    if (email === null) {
      throw new UsageError('--email: This is not an address we can send mail to: use name@example.com.')
    }
    if ([options['password-stdin'], options.link, options.promote].filter(Boolean).length > 1) {
      throw new UsageError('Only one of --password-stdin, --link and --promote at a time.')
    }
    if (options.promote && options.name !== undefined) throw new UsageError('--promote changes nothing but the role.')
    return withApp(invocation, async (app) => {
      // Held to the rules of the routes.
      checkFields({ email, ...(options.name !== undefined && { name: options.name }) })
      await make(app, invocation, email)
      return exitCodes.ok
    })
  },
}

async function make(app: App, invocation: Invocation, email: string): Promise<void> {
  const { options, print } = invocation
  const name = typeof options.name === 'string' ? options.name : null
  const show = (object: object, text: string) => print(options.json ? JSON.stringify(object, null, 2) : text)
  try {
    if (options.promote) {
      const user = await promoteToAdmin(app, email)
      show(userView(user), `${email} is an administrator (${user.id}).`)
    } else if (options.link) {
      const { user, invitation } = await inviteAdmin(app, { email, name })
      const text = `${email} will be an administrator (${user.id}).\n${invitationText(invitation!)}`
      show({ ...userView(user), invitation: linkView(invitation!) }, text)
    } else {
      const user = await createAdmin(app, { email, name, password: await readPassword(invocation, email) })
      show(userView(user), `${email} is an administrator (${user.id}).`)
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.code === 'email_taken') {
      throw new AppError('email_taken', { detail: `${email} has an account; --promote makes it an administrator.` })
    }
    if (error.code === 'not_found') throw new AppError('not_found', { detail: `There is no user ${email}.` })
    throw error
  }
}
