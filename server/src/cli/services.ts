import type { App } from '../app.ts'
import { toRfc3339 } from '../clock.ts'
import { duration, writeDuration } from '../config/values.ts'
import { findService, listServices, type ServiceDetails } from '../domain/services/list.ts'
import { isServiceScope, secretSpans, serviceScopes } from '../domain/services/service.ts'
import { AppError } from '../errors.ts'
import { operatorAct } from '../flows/acting.ts'
import { deleteService, deleteServiceSecret, rotateServiceSecret } from '../flows/change-services.ts'
import { registerService } from '../flows/register-service.ts'
import { createServiceRoute, serviceView } from '../http/routes/admin-services.ts'
import { validatorOf } from '../http/validation.ts'
import type { Command, Invocation } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { settingFlags } from './load-config.ts'
import { UsageError } from './usage-error.ts'
import { withApp } from './with-app.ts'

const actions = ['list', 'create', 'rotate', 'delete'] as const
type Action = (typeof actions)[number]

export const command: Command = {
  summary: 'admit other programs that call this server, give them new secrets, or list and delete them',
  help: `ntt-auth services list [--json]
ntt-auth services create --name NAME --scopes LIST [--expires-in TIME] [--json]
ntt-auth services rotate --client-id ID [--overlap TIME] [--expires-in TIME] [--json]
ntt-auth services delete --client-id ID [--secret SECRET_ID] --yes [--json]

A service is another program that calls this server with a credential of its own (HTTP Basic: client id and secret).
Works on the database by itself: no server needs to run, and one may. docs/services.md has a tour.

list    lists the services and their secrets that are alive, never a secret itself
create  makes a service and prints its client id and secret; the secret is shown this once
rotate  makes its next secret and prints it this once; the one before lives on for the overlap, so that the service can
        change over without a pause. At most two are alive at a time
delete  deletes a service, or one secret of it; it is let in no more, on every node within two seconds

  --name NAME         what people call the service
  --scopes LIST       what it may do, separated by commas; give it what it needs and no more:
                        introspect        ask whether a token is good      POST /oauth2/introspect
                        revoke            end a session or a token         POST /oauth2/revoke
                        revocations:read  follow what is revoked           GET /v1/revocations, /v1/revocations/stream
                        users:read        look users up                    GET /v1/admin/users, /v1/admin/users/{id}
  --client-id ID      which service, as "list" shows it
  --overlap TIME      how long the secrets before live on, up to 90d; 1h unless told, 0s ends them at once
  --expires-in TIME   how long the new secret lives, from 1m; for ever unless told
  --secret SECRET_ID  only this secret, as "list" shows it
  --yes               yes, delete
  --json              print an object, or a list of them
  --config FILE       the JSON file with settings, instead of NTT_AUTH_CONFIG_FILE
  --<setting> VALUE   any setting that is no secret; "ntt-auth help settings" lists them

A TIME is a whole number and a unit: 90s, 30m, 24h, 90d. By HTTP the same spans are called "overlap" and "expires_in",
and are whole numbers of seconds.

Exit: 0 done; 1 refused, e.g. two secrets are alive; 5 there is no such service or secret; 64 the command line is wrong.

Examples:
  ntt-auth services create --name billing --scopes introspect,revocations:read
  ntt-auth services rotate --client-id svc_q83vEjRWeJCr --overlap 24h
  ntt-auth services list --json`,
  options: {
    ...settingFlags,
    name: { type: 'string' },
    scopes: { type: 'string' },
    'client-id': { type: 'string' },
    overlap: { type: 'string' },
    'expires-in': { type: 'string' },
    secret: { type: 'string' },
    yes: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  async run(invocation) {
    const action = readAction(invocation)
    refuseForeignOptions(invocation, action)
    // Whatever is wrong with the call is said before anything is opened.
    const work = prepare[action](invocation)
    return withApp(invocation, async (app) => {
      print(invocation, await work(app).catch(inWords))
      return exitCodes.ok
    })
  },
}

const optionsOf: Record<Action, string[]> = {
  list: [],
  create: ['name', 'scopes', 'expires-in'],
  rotate: ['client-id', 'overlap', 'expires-in'],
  delete: ['client-id', 'secret', 'yes'],
}

/** An option that would be ignored is a misunderstanding. */
function refuseForeignOptions({ options }: Invocation, action: Action): void {
  for (const name of new Set(Object.values(optionsOf).flat())) {
    if (options[name] !== undefined && !optionsOf[action].includes(name)) {
      throw new UsageError(`--${name} does not belong to "services ${action}". See "ntt-auth services --help".`)
    }
  }
}

// Whatever is given is held to the rules of the route.
const checkCreate = validatorOf(createServiceRoute.body!, 'body')

type Line = Record<string, string>
/** The same for people, and for programs as the routes answer it. */
type Result = { line: Line; json: object }
type Work = (app: App) => Promise<Result | Result[]>

const prepare: Record<Action, (invocation: Invocation) => Work> = {
  list: () => async (app) => {
    const results: Result[] = []
    for (let after: string | undefined; ; ) {
      const page = await listServices(app.database.db, 200, app.clock.now(), after)
      results.push(...page.map((service) => ({ line: lineOf(service), json: serviceView(service) })))
      after = page.at(-1)?.id
      if (page.length < 200) return results
    }
  },
  create(invocation) {
    const name = text(invocation, 'name')
    if (name === null || name.trim() === '') throw new UsageError('Give the service a name: --name NAME.')
    const list = text(invocation, 'scopes')
    if (list === null) {
      throw new UsageError(
        `Say what it may do: --scopes LIST, of ${serviceScopes.join(', ')}. Give no more than it needs.`,
      )
    }
    const scopes = [...new Set(list.split(',').map((scope) => scope.trim()))]
    const unknown = scopes.find((scope) => !isServiceScope(scope))
    if (unknown !== undefined) {
      throw new UsageError(`There is no scope "${unknown}"; there are: ${serviceScopes.join(', ')}.`)
    }
    const life = span(invocation, 'expires-in')
    return async (app) => {
      checkCreate({ name, scopes })
      const made = await registerService(app, operatorAct, name, scopes.filter(isServiceScope), life)
      const details = await findService(app.database.db, made.service.id, app.clock.now())
      return withSecret(details!, made.secret)
    }
  },
  rotate(invocation) {
    const clientId = whichService(invocation)
    const rotation = {
      overlap: span(invocation, 'overlap') ?? secretSpans.overlap.usual,
      life: span(invocation, 'expires-in'),
    }
    return async (app) => {
      const { service, secret } = await rotateServiceSecret(app, operatorAct, clientId, rotation)
      return withSecret(service, secret)
    }
  },
  delete(invocation) {
    const clientId = whichService(invocation)
    const secret = text(invocation, 'secret')
    if (!invocation.options.yes) throw new UsageError('It would be let in no more. Add --yes if that is what you want.')
    return async (app) => {
      const service = await findService(app.database.db, clientId, app.clock.now())
      if (secret === null) await deleteService(app, operatorAct, clientId)
      else await deleteServiceSecret(app, operatorAct, clientId, secret)
      const line = { deleted: secret ?? service!.clientId, name: service!.name }
      return { line, json: line }
    }
  },
}

function readAction({ arguments: [action, ...rest] }: Invocation): Action {
  const known = actions.find((each) => each === action)
  if (known === undefined || rest.length > 0) {
    throw new UsageError('Call it as "ntt-auth services list", "create", "rotate" or "delete".')
  }
  return known
}

function text({ options }: Invocation, name: string): string | null {
  const value = options[name]
  return typeof value === 'string' ? value : null
}

function whichService(invocation: Invocation): string {
  const id = text(invocation, 'client-id')
  if (id === null) throw new UsageError('Say which service: --client-id ID, as "ntt-auth services list" shows it.')
  return id
}

/** @returns milliseconds */
function span(invocation: Invocation, name: string): number | null {
  const value = text(invocation, name)
  if (value === null) return null
  try {
    const { least, most } = secretSpans[name === 'overlap' ? 'overlap' : 'life']
    return duration(writeDuration(least), writeDuration(most)).read(value)
  } catch (error) {
    throw new UsageError(`--${name}: ${(error as Error).message}`)
  }
}

function inWords(error: unknown): never {
  if (error instanceof AppError && error.code === 'not_found') {
    const detail = 'There is no such service or secret; "ntt-auth services list" shows those there are.'
    throw new AppError('not_found', { detail })
  }
  if (error instanceof AppError && error.code === 'secrets_full') {
    const detail = 'The service has two secrets already: delete one, or rotate with --overlap 0s.'
    throw new AppError('secrets_full', { detail })
  }
  throw error
}

function withSecret(service: ServiceDetails, secret: string): Result {
  return {
    line: { client_id: service.clientId, client_secret: secret, ...lineOf(service) },
    json: { ...serviceView(service), client_secret: secret },
  }
}

function lineOf({ clientId, name, scopes, secrets }: ServiceDetails): Line {
  const time = (at: number | null) => (at === null ? 'never' : toRfc3339(at))
  return {
    client_id: clientId,
    name,
    scopes: scopes.join(','),
    secrets: secrets
      .map(({ id, expiresAt, lastUsedAt }) => `${id} (expires ${time(expiresAt)}, last used ${time(lastUsedAt)})`)
      .join(', '),
  }
}

function print({ options, print }: Invocation, result: Result | Result[]): void {
  const asLine = ({ line }: Result) => Object.entries(line).map(([key, value]) => `${key}  ${value}`)
  const results = Array.isArray(result) ? result : [result]
  const json = Array.isArray(result) ? result.map((each) => each.json) : result.json
  if (options.json) print(JSON.stringify(json, null, 2))
  else for (const each of results) print(asLine(each).join('\n'))
}
