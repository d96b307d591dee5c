import { createHash } from 'node:crypto'
import { get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { type App, createApp } from '../../server/src/app.ts'
import { systemClock } from '../../server/src/clock.ts'
import { loadConfig } from '../../server/src/config/config.ts'
import { inTransaction } from '../../server/src/database/transaction.ts'
import { createSigningKey } from '../../server/src/domain/keys/create.ts'
import { keyring } from '../../server/src/domain/keys/keyring.ts'
import { insertSigningKey } from '../../server/src/domain/keys/store.ts'
import { insertPassword } from '../../server/src/domain/passwords/store.ts'
import { startSession } from '../../server/src/domain/sessions/start.ts'
import { mintAccessToken } from '../../server/src/domain/tokens/access-token.ts'
import { createUser } from '../../server/src/domain/users/create.ts'
import { operatorAct } from '../../server/src/flows/acting.ts'
import { asOfNow, issueTokens } from '../../server/src/flows/issue-tokens.ts'
import { registerService } from '../../server/src/flows/register-service.ts'
import { revokeKey } from '../../server/src/flows/revoke-key.ts'
import { createLog } from '../../server/src/log.ts'
import { newId } from '../../server/src/random.ts'
import { startApp } from '../../server/src/start.ts'
import { databases, freshDatabase } from '../../server/test/support/databases.ts'
import { startDatabases } from '../../server/test/support/start-databases.ts'
import type { Bench, Measurement, Row } from '../support/bench.ts'
import { serverEnv, startServer } from '../support/processes.ts'
import { password } from '../support/stage.ts'
import { quantile, short } from '../support/statistics.ts'

/** How often the other node is asked whether it still takes a token; the figures cannot be finer. */
const askedEvery = 25
/** A token that is still good after this would be a mistake of the server's. */
const patience = 30_000
const kinds = ['logout', 'disable', 'key'] as const
type Kind = (typeof kinds)[number]
/** Acts a second of each kind. */
const rate = 10

type Victim = {
  token: string
  /** What the stream will name. */
  subject: string
  act(): Promise<void>
}

export const revocation: Measurement = {
  name: 'revocation',
  about: 'how long does a revocation take to reach another node, and whoever follows it there?',
  async run(bench) {
    const started = await startDatabases()
    Object.assign(process.env, started.env)
    try {
      const rows: Omit<Row, 'others'>[] = []
      for (const { name } of databases) {
        if (name === 'SQLite' || started.missing.includes(name)) continue
        rows.push(...(await measureOn(name, bench)))
      }
      return rows
    } finally {
      await started.stop()
    }
  },
}

async function measureOn(name: 'MariaDB' | 'PostgreSQL', bench: Bench): Promise<Omit<Row, 'others'>[]> {
  const fresh = await freshDatabase(name)
  const settings = {
    DATABASE_URL: fresh.url,
    MASTER_KEY: createHash('sha256').update('bench').digest('base64url'),
    AUTO_MIGRATE: 'on',
    PASSWORD_HASH: 'argon2id',
    // So long that no token expires meanwhile.
    ACCESS_TOKEN_TTL: '1h',
  }
  const count = Math.round(bench.seconds(1000))
  const { config } = loadConfig({ env: serverEnv(bench.newDirectory(), settings), flags: {} })
  const operator = await createApp(config, createLog('silent'), systemClock)
  const stop = await startApp(operator)
  const [here, there] = [
    await startServer(bench.newDirectory(), settings),
    await startServer(bench.newDirectory(), settings),
  ]
  try {
    const victims = await prepare(operator, here.address, count)
    const { service, secret } = await registerService(operator, operatorAct, 'bench', ['revocations:read'])
    const heard = followStream(there.address, `${service.clientId}:${secret}`)
    // Until both nodes have met the keys.
    await delay(3000)
    const lags = new Map<string, number[]>()
    await Promise.all(
      kinds.map(async (kind, offset) => {
        await delay((offset * 1000) / rate / kinds.length)
        const under: Promise<void>[] = []
        for (const victim of victims[kind]) {
          under.push(measure(victim, there.address, heard, (way, lag) => note(lags, `${kind} ${way}`, lag)))
          // Not by a fixed beat, which could keep step with the poll.
          await delay((1000 / rate) * 2 * Math.random())
        }
        await Promise.all(under)
      }),
    )
    heard.close()
    return kinds.flatMap((kind) =>
      (['validate', 'stream'] as const).map((way) => rowOf(name, kind, way, lags.get(`${kind} ${way}`) ?? [])),
    )
  } finally {
    await here.stop()
    await there.stop()
    stop()
    await operator.close()
    await fresh.drop()
  }
}

function rowOf(name: string, kind: Kind, way: 'validate' | 'stream', lags: number[]): Omit<Row, 'others'> {
  const acts = { logout: 'logout', disable: 'an admin disables', key: 'a key is revoked' }[kind]
  const at = way === 'validate' ? 'validate on the other node' : 'stream of the other node'
  return {
    what: `${name}: ${acts}, ${at}, p99`,
    unit: 'ms',
    value: quantile(lags, 0.99),
    spread: [quantile(lags, 0), quantile(lags, 1)],
    target: { atMost: 2000 },
    peer: 'none has it',
    detail: `${lags.length} acts, from sending the act: p50 ${short(quantile(lags, 0.5))}, p99 ${short(quantile(lags, 0.99))}, max ${short(quantile(lags, 1))} ms`,
  }
}

function note(lags: Map<string, number[]>, name: string, lag: number): void {
  lags.set(name, [...(lags.get(name) ?? []), lag])
}

type Heard = { of(subject: string): Promise<number>; close(): void }

async function measure(victim: Victim, address: string, heard: Heard, tell: (way: string, lag: number) => void) {
  if ((await statusOf(address, victim.token)) !== 200) throw new Error('A token was refused before it was revoked.')
  const told = heard.of(victim.subject)
  const sent = performance.now()
  const acting = victim.act()
  const refused = (async () => {
    while ((await statusOf(address, victim.token)) !== 401) {
      if (performance.now() - sent > patience) throw new Error(`A token lives ${patience} ms after its revocation.`)
      await delay(askedEvery)
    }
    tell('validate', performance.now() - sent)
  })()
  await acting
  tell('stream', (await told) - sent)
  await refused
}

async function statusOf(address: string, token: string): Promise<number> {
  const response = await fetch(`${address}/v1/auth/validate`, { headers: { authorization: `Bearer ${token}` } })
  await response.arrayBuffer()
  return response.status
}

/** Reads the stream, and knows when each subject was named. */
function followStream(address: string, credentials: string): Heard {
  const at = new Map<string, number>()
  const waiting = new Map<string, (at: number) => void>()
  let rest = ''
  const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
  const request = get(`${address}/v1/revocations/stream`, { headers: { authorization } }, (response) => {
    response.setEncoding('utf8').on('data', (piece: string) => {
      const lines = (rest + piece).split('\n')
      rest = lines.pop()!
      for (const line of lines) {
        const subject = line.startsWith('data: {"kind"') ? (JSON.parse(line.slice(6)).id as string) : null
        if (subject === null || at.has(subject)) continue
        at.set(subject, performance.now())
        waiting.get(subject)?.(performance.now())
      }
    })
  })
  request.on('error', () => {})
  return {
    of: (subject) =>
      new Promise((resolve, reject) => {
        waiting.set(subject, resolve)
        setTimeout(reject, patience, new Error(`The stream did not name ${subject}.`)).unref()
      }),
    close: () => request.destroy(),
  }
}

/** As many victims of each kind, each with a token of its own that is good on every node. */
async function prepare(app: App, address: string, count: number): Promise<Record<Kind, Victim[]>> {
  const now = Date.now()
  const hash = await app.hasher.hash(password)
  const device = { ip: '127.0.0.1', userAgent: 'bench', name: null }
  const life = { idle: app.config.sessionIdleTtl, absolute: app.config.sessionAbsoluteTtl }
  const person = (email: string, roles: string[] = []) =>
    inTransaction(app.database, async (tx) => {
      const id = newId(now)
      const user = await createUser(tx, { id, email, name: 'Ada', locale: 'en', roles }, now)
      await insertPassword(tx, id, hash, now)
      return { user, session: await startSession(tx, id, device, life, now) }
    })
  const tokensOf = ({ user, session }: Awaited<ReturnType<typeof person>>) =>
    issueTokens(
      app,
      { grant: 'login', id: session.id, generation: 0, createdAt: now, expiresAt: session.idle_expires_at },
      user,
      asOfNow(app),
    )

  const admin = tokensOf(await person('admin@example.com', ['admin'])).accessToken
  const send = async (token: string, path: string, body?: object) => {
    const response = await fetch(address + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`)
  }
  const victims: Record<Kind, Victim[]> = { logout: [], disable: [], key: [] }
  for (let index = 0; index < count; index++) {
    const [leaver, disabled, holder] = [
      await person(`leaver-${index}@example.com`),
      await person(`disabled-${index}@example.com`),
      await person(`holder-${index}@example.com`),
    ]
    const token = tokensOf(leaver).accessToken
    victims.logout.push({
      token,
      subject: leaver.session.id,
      act: () => send(token, '/v1/auth/logout', { scope: 'this' }),
    })
    victims.disable.push({
      token: tokensOf(disabled).accessToken,
      subject: disabled.session.id,
      act: () => send(admin, `/v1/admin/users/${disabled.user.id}/disable`),
    })
    // A key of its own, so that its revocation kills this token and no other.
    const key = createSigningKey('ES256', app.masterKeys, now)
    await insertSigningKey(app.database.db, { ...key, state: 'retiring', activated_at: now, retired_at: now })
    const ring = keyring(app.masterKeys)
    ring.load([{ ...key, state: 'active' }])
    const claims = JSON.parse(Buffer.from(tokensOf(holder).accessToken.split('.')[1]!, 'base64url').toString())
    victims.key.push({
      token: mintAccessToken(ring.signer()!, claims),
      subject: key.kid,
      // As "ntt-auth keys revoke" does it, which is a process beside the nodes.
      act: () => revokeKey(app, operatorAct, key.kid),
    })
  }
  return victims
}
