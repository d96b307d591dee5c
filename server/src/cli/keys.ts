import type { App } from '../app.ts'
import { toRfc3339 } from '../clock.ts'
import { fileProblem, isTooOpen, readFile } from '../config/read-file.ts'
import { KeyRefused } from '../domain/keys/import.ts'
import { listSigningKeys } from '../domain/keys/store.ts'
import { AppError } from '../errors.ts'
import { operatorAct } from '../flows/acting.ts'
import { importKey } from '../flows/import-key.ts'
import { revokeKey } from '../flows/revoke-key.ts'
import { rotateKeys } from '../flows/rotate-keys.ts'
import { resealKeys } from '../flows/tend-keys.ts'
import type { Command, Invocation } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { settingFlags } from './load-config.ts'
import { UsageError } from './usage-error.ts'
import { withApp } from './with-app.ts'

export const command: Command = {
  summary: 'look at the signing keys, change, revoke or import one',
  help: `ntt-auth keys list [--json]
ntt-auth keys rotate [--now | --compromised KID] [--json]
ntt-auth keys revoke KID [--json]
ntt-auth keys import FILE [--activate] [--json]
ntt-auth keys reseal [--to-older] [--json]

The keys that sign access tokens. Works on the database by itself: no server needs to run; one that runs notices within
seconds. Keys also change by themselves, see NTT_AUTH_KEY_ROTATION_INTERVAL.

list    lists the keys that are published, oldest first: "next" is published and does not sign yet, "active" signs,
        "retiring" only verifies what it signed before
rotate  lets the next key take over before its time; refused while verifiers may not have heard of it
revoke  for a key that fell into wrong hands: it goes at once, the next one signs instead, and every access token it
        signed is refused everywhere within seconds. Sessions go on: their next refresh brings a good token
import  takes a private key from a file, PKCS#8 in PEM or a JWK, as the next one
reseal  after a change of NTT_AUTH_MASTER_KEY: seals by its first key what another one seals; servers do this by
        themselves. Nothing is lost if it is cut off. Refused where the first key is the older one

Every action prints the keys as they are afterwards. docs/keys.md has the whole story.

  --now               rotate also when the next key has not been published for long
  --compromised KID   the same as "keys revoke KID"
  --activate          let the imported key sign at once, instead of when its time comes; verifiers that keep the key set
                      may refuse its tokens for a while
  --to-older          seal by the first master key also where it is older than the one that seals now: only when every
                      server has it
  --json              print an object
  --config FILE       the JSON file with settings, instead of NTT_AUTH_CONFIG_FILE
  --<setting> VALUE   any setting that is no secret; "ntt-auth help settings" lists them

Exit: 0 done; 1 refused, e.g. rotate too soon, a weak key, or an older master key; 5 there is no such key; 64 the command line is wrong.

Examples:
  ntt-auth keys list
  ntt-auth keys rotate
  ntt-auth keys revoke PjVQ2lRTTkHHrBzGUqTPmGDQzX4uTfp7K0eB0sUyDqk
  ntt-auth keys import signing-key.pem --activate`,
  options: {
    ...settingFlags,
    now: { type: 'boolean' },
    compromised: { type: 'string' },
    activate: { type: 'boolean' },
    'to-older': { type: 'boolean' },
    json: { type: 'boolean' },
  },
  async run(invocation) {
    const act = readAction(invocation)
    return withApp(invocation, async (app) => {
      try {
        await act(app).catch(explain)
      } catch (error) {
        if (!(error instanceof KeyRefused)) throw error
        invocation.tell(error.message)
        return exitCodes.failed
      }
      const keys = await keysOf(app)
      if (invocation.options.json) invocation.print(JSON.stringify({ keys }, null, 2))
      else for (const line of asLines(keys)) invocation.print(line)
      return exitCodes.ok
    })
  },
}

type Act = (app: App) => Promise<unknown>

function readAction({ arguments: [action, operand, ...rest], options, tell }: Invocation): Act {
  const { now, compromised, activate, 'to-older': toOlder } = options
  if (rest.length > 0) throw new UsageError(usage)
  if ((now || compromised !== undefined) && action !== 'rotate') {
    throw new UsageError('--now and --compromised belong to "keys rotate".')
  }
  if (activate && action !== 'import') throw new UsageError('--activate belongs to "keys import".')
  if (toOlder && action !== 'reseal') throw new UsageError('--to-older belongs to "keys reseal".')
  if (now && compromised !== undefined) throw new UsageError('Give --now or --compromised KID, not both.')
  if (action === 'revoke') {
    if (operand === undefined) throw new UsageError('Say which key: ntt-auth keys revoke KID. "keys list" lists them.')
    return (app) => revokeKey(app, operatorAct, operand)
  }
  if (action === 'import') {
    if (operand === undefined) throw new UsageError('Say which file: ntt-auth keys import FILE.')
    const text = readKeyFile(operand, tell)
    return (app) => importKey(app, operatorAct, text, activate === true)
  }
  if (operand !== undefined) throw new UsageError(usage)
  if (action === 'list') return async () => undefined
  if (action === 'reseal') return (app) => resealKeys(app, operatorAct, { toOlder: toOlder === true })
  if (action !== 'rotate') throw new UsageError(usage)
  return (app) =>
    typeof compromised === 'string'
      ? revokeKey(app, operatorAct, compromised)
      : rotateKeys(app, operatorAct, { now: now === true })
}

const usage = 'Call it as "ntt-auth keys list", "rotate", "revoke KID", "import FILE" or "reseal".'

function readKeyFile(path: string, tell: (line: string) => void): string {
  try {
    const { text, mode } = readFile(path)
    if (isTooOpen(mode))
      tell(`Warning: others than its owner and group may use ${path}; remove it once it is imported.`)
    return text
  } catch (error) {
    throw new UsageError(`${path} ${fileProblem(error)}. Name a file that holds a private key.`)
  }
}

function explain(error: unknown): never {
  if (!(error instanceof AppError) || error.code !== 'rotation_too_soon') throw error
  const detail =
    error.details.detail ??
    'The next key has not been published for long enough: verifiers may still keep a key set without it. Wait ' +
      `${error.details.retryAfter} seconds, or add --now.`
  throw new AppError('rotation_too_soon', { ...error.details, detail })
}

async function keysOf(app: App) {
  const time = (at: number | null) => (at === null ? null : toRfc3339(at))
  const rows = await listSigningKeys(app.database.db)
  return rows.map((row) => ({
    kid: row.kid,
    algorithm: row.algorithm,
    state: row.state,
    created_at: time(row.created_at),
    activated_at: time(row.activated_at),
    retired_at: time(row.retired_at),
  }))
}

function asLines(keys: Awaited<ReturnType<typeof keysOf>>): string[] {
  if (keys.length === 0) return ['There are no keys yet; the first start of a server makes them.']
  return keys.map(({ kid, algorithm, state, ...times }) => {
    const since = times.retired_at ?? times.activated_at ?? times.created_at
    return `${state.padEnd(8)}  ${algorithm}  ${kid}  since ${since}`
  })
}
