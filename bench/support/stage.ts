import { createApp } from '../../server/src/app.ts'
import { systemClock } from '../../server/src/clock.ts'
import { loadConfig } from '../../server/src/config/config.ts'
import { inTransaction } from '../../server/src/database/transaction.ts'
import { insertPassword } from '../../server/src/domain/passwords/store.ts'
import { startSession } from '../../server/src/domain/sessions/start.ts'
import { createUser } from '../../server/src/domain/users/create.ts'
import { operatorAct } from '../../server/src/flows/acting.ts'
import { asOfNow, issueTokens } from '../../server/src/flows/issue-tokens.ts'
import { registerService } from '../../server/src/flows/register-service.ts'
import { createLog } from '../../server/src/log.ts'
import { newId } from '../../server/src/random.ts'
import { startApp } from '../../server/src/start.ts'
import { serverEnv } from './processes.ts'

export const password = 'engine of brass and steam'

export type Stage = {
  emails: string[]
  /** One session each, generation 0. */
  refreshTokens: string[]
  accessTokens: { token: string; sessionId: string }[]
  /** `client_id:secret` of a service that may introspect. */
  credentials: string
  validateBody: string
}

/**
 * Fills a data directory by the server's own functions, quicker than by its routes: users with the same password, a
 * session each, and as many access tokens as asked for.
 */
export async function prepareStage(
  dataDir: string,
  settings: Record<string, string>,
  size: { users: number; accessTokens: number },
): Promise<Stage> {
  const { config } = loadConfig({ env: serverEnv(dataDir, settings), flags: {} })
  const app = await createApp(config, createLog('silent'), systemClock)
  const stop = await startApp(app)
  const hash = await app.hasher.hash(password)
  const now = Date.now()
  const people = await inTransaction(app.database, async (tx) => {
    const made = []
    for (let index = 0; index < size.users; index++) {
      const id = newId(now)
      const email = `person-${index}@example.com`
      const user = await createUser(tx, { id, email, name: 'Ada Lovelace', locale: 'en', roles: [] }, now)
      await insertPassword(tx, id, hash, now)
      const device = { ip: '127.0.0.1', userAgent: 'bench', name: null }
      const life = { idle: config.sessionIdleTtl, absolute: config.sessionAbsoluteTtl }
      made.push({ user, session: await startSession(tx, id, device, life, now) })
    }
    return made
  })
  const tokensOf = (index: number) => {
    const { user, session } = people[index % people.length]!
    const life = { createdAt: now, expiresAt: session.idle_expires_at }
    return issueTokens(app, { grant: 'login', id: session.id, generation: 0, ...life }, user, asOfNow(app))
  }
  const accessTokens = Array.from({ length: size.accessTokens }, (_, index) => {
    const { accessToken, sessionId } = tokensOf(index)
    return { token: accessToken, sessionId }
  })
  const { service, secret } = await registerService(app, operatorAct, 'bench', ['introspect'])
  const sample = tokensOf(0)
  const claims = JSON.parse(Buffer.from(sample.accessToken.split('.')[1]!, 'base64url').toString())
  const stage: Stage = {
    emails: people.map(({ user }) => user.email),
    refreshTokens: people.map((_, index) => tokensOf(index).refreshToken),
    accessTokens,
    credentials: `${service.clientId}:${secret}`,
    validateBody: JSON.stringify({ active: true, claims, expires_in: 900 }),
  }
  stop()
  await app.close()
  return stage
}
