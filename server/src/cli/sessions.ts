import type { App } from '../app.ts'
import { listSessions, type Session } from '../domain/sessions/list.ts'
import { AppError } from '../errors.ts'
import { operatorAct } from '../flows/acting.ts'
import { endSessionFor } from '../flows/logout-user.ts'
import { sessionView } from '../http/views.ts'
import { isId } from '../random.ts'
import type { Command, Invocation } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { findUserBy } from './find-user.ts'
import { settingFlags } from './load-config.ts'
import { UsageError } from './usage-error.ts'
import { withApp } from './with-app.ts'

const most = 200

export const command: Command = {
  summary: "look at users' sessions, or end them",
  help: `ntt-auth sessions list USER [--json]
ntt-auth sessions end SESSION_ID [--json]

USER is an id or an e-mail address. Works on the database by itself: no server needs to run, and one may.

A session is one login on one device.

list  shows the sessions of a user, newest first, one a line: id, state, device, address; of an ended one the reason why;
      at most ${most}
end   ends one session, with the reason "admin"; its access tokens are refused on every node within two seconds.
      "ntt-auth users logout USER" ends all

  --json              print an object, or a list of them
  --config FILE       the JSON file with settings, instead of NTT_AUTH_CONFIG_FILE
  --<setting> VALUE   any setting that is no secret; "ntt-auth help settings" lists them

Exit: 0 done; 5 there is no such user or session; 64 the command line is wrong.

Examples:
  ntt-auth sessions list ada@example.com
  ntt-auth sessions end 01934d2e-5c01-7b11-8e22-6d5c4b3a2918`,
  options: { ...settingFlags, json: { type: 'boolean' } },
  async run(invocation) {
    const [action, subject, ...rest] = invocation.arguments
    if ((action !== 'list' && action !== 'end') || subject === undefined || rest.length > 0) {
      throw new UsageError('Call it as "ntt-auth sessions list USER" or "ntt-auth sessions end SESSION_ID".')
    }
    return withApp(invocation, async (app) => {
      await (action === 'list' ? list : end)(app, invocation, subject)
      return exitCodes.ok
    })
  },
}

async function list(app: App, { options, print }: Invocation, text: string): Promise<void> {
  const user = await findUserBy(app, text)
  const sessions = await listSessions(app.database.db, user.id, most, undefined, app.clock.now())
  if (options.json)
    print(
      JSON.stringify(
        sessions.map((session) => viewOf(session)),
        null,
        2,
      ),
    )
  else for (const session of sessions) print(lineOf(session))
}

function viewOf(session: Session) {
  const { current: _, ...view } = sessionView(session, '')
  return view
}

function lineOf(session: Session): string {
  const { id, last_used_at, ended_at, end_reason, device_name, ip } = viewOf(session)
  const state = ended_at === null ? `alive, last used ${last_used_at}` : `ended ${ended_at}, ${end_reason}`
  return `${id}  ${state}  ${device_name ?? '–'}  ${ip ?? '–'}`
}

async function end(app: App, { options, print }: Invocation, id: string): Promise<void> {
  const missing = () => new AppError('not_found', { detail: `There is no session ${id.slice(0, 64)}.` })
  if (!isId(id)) throw missing()
  await endSessionFor(app, operatorAct, null, id).catch((error) => {
    throw error instanceof AppError && error.code === 'not_found' ? missing() : error
  })
  print(options.json ? JSON.stringify({ id, ended: true }, null, 2) : `The session ${id} has ended.`)
}
