import { createApp } from '../app.ts'
import { systemClock } from '../clock.ts'
import { isServiceScope, serviceScopes } from '../domain/services/service.ts'
import { listServiceRows } from '../domain/services/store.ts'
import { operatorAct } from '../flows/acting.ts'
import { registerService } from '../flows/register-service.ts'
import { createLog } from '../log.ts'
import { bringSchema } from '../start.ts'
import type { Command, Invocation } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { configFrom, settingFlags } from './load-config.ts'
import { UsageError } from './usage-error.ts'

export const command: Command = {
  summary: 'admit other programs that call this server, or list them',
  help: `ntt-auth services create --name NAME [--scopes LIST] [--json]
ntt-auth services list [--json]

create  makes a service and prints its client id and secret; the secret is shown this once
list    lists the services

  --name NAME         what people call the service
  --scopes LIST       what it may do, separated by commas: ${serviceScopes.join(', ')} (all unless told)
  --json              print an object

Examples:
  ntt-auth services create --name billing --scopes introspect
  ntt-auth services list --json`,
  options: { ...settingFlags, name: { type: 'string' }, scopes: { type: 'string' }, json: { type: 'boolean' } },
  async run(invocation) {
    const [action, ...rest] = invocation.arguments
    if ((action !== 'create' && action !== 'list') || rest.length > 0) {
      throw new UsageError('Call it as "ntt-auth services create --name NAME" or "ntt-auth services list".')
    }
    const wanted = action === 'create' ? readWanted(invocation) : null
    const app = await createApp(configFrom(invocation), createLog('error'), systemClock)
    try {
      await bringSchema(app)
      const lines = wanted ? await create(app, wanted) : await list(app)
      const shown = wanted ? lines[0] : lines
      if (invocation.options.json) invocation.print(JSON.stringify(shown, null, 2))
      else
        for (const line of lines)
          invocation.print(
            Object.entries(line)
              .map(([key, value]) => `${key}  ${value}`)
              .join('\n'),
          )
      return exitCodes.ok
    } finally {
      await app.close()
    }
  },
}

type Line = Record<string, string>
type Wanted = { name: string; scopes: string[] }

function readWanted({ options: { name, scopes } }: Invocation): Wanted {
  if (typeof name !== 'string' || name.trim() === '') throw new UsageError('Give the service a name: --name NAME.')
  return { name, scopes: typeof scopes === 'string' ? scopes.split(',') : [...serviceScopes] }
}

async function create(app: Parameters<typeof registerService>[0], { name, scopes }: Wanted): Promise<Line[]> {
  const unknown = scopes.find((scope) => !isServiceScope(scope))
  if (unknown !== undefined)
    throw new UsageError(`There is no scope "${unknown}"; there are: ${serviceScopes.join(', ')}.`)
  const { service, secret } = await registerService(app, operatorAct, name, scopes.filter(isServiceScope))
  return [{ client_id: service.clientId, client_secret: secret, name, scopes: service.scopes.join(',') }]
}

async function list(app: Parameters<typeof registerService>[0]): Promise<Line[]> {
  const rows = await listServiceRows(app.database.db)
  return rows.map(({ client_id, name, scopes }) => ({ client_id, name, scopes: JSON.parse(scopes).join(',') }))
}
