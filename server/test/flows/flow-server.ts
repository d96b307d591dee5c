import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe } from 'node:test'
import type { SessionRow } from '../../src/database/schema.ts'
import { createAdmin } from '../../src/flows/create-admin.ts'
import { type DatabaseName, onEachDatabase } from '../support/databases.ts'
import { quickDirectory } from '../support/quick-directory.ts'
import {
  type Answer,
  goodPassword,
  startTestServer,
  type TestServer,
  type TestServerOptions,
} from '../support/server.ts'

export type Flow = {
  server: TestServer
  url: string
  name: DatabaseName
  dataDir: string
  /** Another node, or the same one started again, on this database. */
  start(options?: TestServerOptions): Promise<TestServer>
}

/** Declares the promises of a flow, once for each database, with one server for all of them. */
export function describeFlow(title: string, declare: (flow: Flow) => void, options: TestServerOptions = {}): void {
  onEachDatabase((name, url) => {
    describe(title, () => {
      const flow = { name } as Flow
      before(async () => {
        flow.url = url()
        flow.dataDir = mkdtempSync(join(quickDirectory(), 'ntt-auth-flow-'))
        flow.start = (more = {}) => startTestServer(flow.url, { clock: flow.server.clock, ...options, ...more })
        flow.server = await startTestServer(flow.url, { dataDir: flow.dataDir, ...options })
      })
      after(async () => {
        await flow.server?.close()
        rmSync(flow.dataDir, { recursive: true, force: true })
      })
      declare(flow)
    })
  })
}

/** The same, where no promise is about hashes. */
export function describeQuickFlow(title: string, declare: (flow: Flow) => void, options: TestServerOptions = {}): void {
  describeFlow(title, declare, { quickHashes: true, ...options })
}

export const keyA = 'key-of-one-token-AAAA'
export const keyB = 'key-of-one-token-BBBB'

export function logIn(server: TestServer, email: string, body: Record<string, unknown> = {}): Promise<Answer> {
  return server.call('POST', '/v1/auth/login', { body: { email, password: goodPassword, ...body } })
}

let administrators = 0

/** An administrator who has just logged in. */
export async function administrator(server: TestServer, email = `admin-${++administrators}@example.com`) {
  const user = await createAdmin(server.app, { email, name: null, password: goodPassword })
  return { ...user, token: (await logIn(server, email)).body.access_token as string }
}

export function refresh(server: Pick<TestServer, 'call'>, token: string, key?: string): Promise<Answer> {
  return server.call('POST', '/v1/auth/refresh', {
    body: { refresh_token: token },
    ...(key !== undefined && { headers: { 'refresh-key': key } }),
  })
}

export function validate(server: TestServer, token: string): Promise<Answer> {
  return server.call('GET', '/v1/auth/validate', { token })
}

/** The two fields that tell an error; and why a session is over. */
export function problem({ status, body }: Answer): string {
  const { code, session_ended, end_reason } = body
  return [status, code, ...(session_ended ? [end_reason] : [])].join(' ')
}

/** What lies in the database and the journal: a refused request must leave it as it was. */
export async function footprint(server: TestServer) {
  const { db } = server.app.database
  const [users, passwords, sessions, revocations] = await Promise.all([
    db.selectFrom('users').selectAll().orderBy('id').execute(),
    db.selectFrom('passwords').selectAll().orderBy('user_id').execute(),
    db.selectFrom('sessions').selectAll().orderBy('id').execute(),
    db.selectFrom('revocations').selectAll().orderBy('id').execute(),
  ])
  const plain = <T>(rows: T[]) => rows.map((row) => ({ ...row }))
  // Given a moment after the commit, by whoever comes first.
  const unplaced = plain(revocations).map(({ position: _, ...row }) => row)
  return {
    users: plain(users),
    passwords: plain(passwords),
    sessions: plain(sessions),
    revocations: unplaced,
    journal: [...server.app.journal.newestFirst()],
  }
}

export async function sessionOf(server: TestServer, id: string): Promise<SessionRow> {
  return server.app.database.db.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}

export async function sessionsOf(server: TestServer, userId: string): Promise<SessionRow[]> {
  const { db } = server.app.database
  return db.selectFrom('sessions').selectAll().where('user_id', '=', userId).orderBy('id').execute()
}

/** What the journal says of these subjects, oldest first. */
export function journalOf(server: TestServer, ...ids: string[]): string[] {
  const lines = [...server.app.journal.newestFirst()].filter(({ id }) => ids.includes(id))
  return lines.map(({ kind, reason }) => `${kind} ${reason}`).reverse()
}

/** Waits until `check` holds. @returns how many milliseconds that took */
export async function eventually(check: () => boolean | Promise<boolean>, limit = 20_000): Promise<number> {
  const start = performance.now()
  while (!(await check())) {
    if (performance.now() - start > limit) throw new Error(`It did not come about within ${limit} ms.`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return performance.now() - start
}

export const second = 1000
export const minute = 60 * second
export const hour = 60 * minute
export const day = 24 * hour
