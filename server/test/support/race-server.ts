import { createHash } from 'node:crypto'
import type { App } from '../../src/app.ts'
import { inTransaction } from '../../src/database/transaction.ts'
import { startSession } from '../../src/domain/sessions/start.ts'
import { createUser } from '../../src/domain/users/create.ts'
import { newId } from '../../src/random.ts'
import { startTestServer, type TestServerOptions } from './server.ts'

export const raceMasterKey = createHash('sha256').update('the master key of the race suite').digest('base64url')

/** A test server whose tokens the other servers of the race suite read, too. */
export function startRaceServer(url: string, options: TestServerOptions = {}) {
  return startTestServer(url, { ...options, settings: { MASTER_KEY: raceMasterKey, ...options.settings } })
}

/** A session of a user of its own, without the cost of hashing a password. */
export async function openSession(app: App): Promise<{ id: string; userId: string; token: string }> {
  const now = app.clock.now()
  const userId = newId(now)
  const session = await inTransaction(app.database, async (tx) => {
    const email = `${userId}@example.com`
    await createUser(tx, { id: userId, email, name: null, locale: null, roles: [] }, now)
    const life = { idle: app.config.sessionIdleTtl, absolute: app.config.sessionAbsoluteTtl }
    return startSession(tx, userId, { ip: null, userAgent: null, name: null }, life, now)
  })
  return { id: session.id, userId, token: app.refreshTokens.mint(session.id, 0) }
}

export function sessionRowOf(app: App, id: string) {
  return app.database.db.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}
