import assert from 'node:assert/strict'
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  type DatabaseConnection,
  DummyDriver,
  Kysely,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Db, Tx } from '../src/database/connect.ts'
import type { Schema } from '../src/database/schema.ts'
import * as audit from '../src/domain/audit/store.ts'
import * as keys from '../src/domain/keys/store.ts'
import * as oneTimeTokens from '../src/domain/links/store.ts'
import * as outbox from '../src/domain/outbox/store.ts'
import * as passwords from '../src/domain/passwords/store.ts'
import * as revocations from '../src/domain/revocations/store.ts'
import * as services from '../src/domain/services/store.ts'
import * as sessions from '../src/domain/sessions/store.ts'
import * as throttling from '../src/domain/throttling/store.ts'
import * as users from '../src/domain/users/store.ts'
import { auditLineRow, outboxRow, sessionRow, userRow } from './support/rows.ts'

/**
 * Every statement of the stores, as each kind of database gets it, lies in `sql/`: a change shows in review, and can be
 * tried with EXPLAIN. After a change on purpose: UPDATE_SQL=1 npm test --workspace server -- test/sql.test.ts
 */
const update = process.env.UPDATE_SQL === '1'
const directory = fileURLToPath(new URL('sql', import.meta.url))

const dialects = {
  sqlite: [SqliteAdapter, SqliteQueryCompiler, SqliteIntrospector],
  mysql: [MysqlAdapter, MysqlQueryCompiler, MysqlIntrospector],
  postgres: [PostgresAdapter, PostgresQueryCompiler, PostgresIntrospector],
} as const

type Calls<Store> = { [Name in keyof Store]: ((db: Db) => Promise<unknown>)[] }

const [id, now, bytes] = ['id', 1, Buffer.alloc(64)]
const signingKey = { kid: 'kid', algorithm: 'ES256', state: 'next' as const, public_jwk: '{}', sealed_private: bytes }
const revocation = { id, kind: 'session' as const, subject: id, before_at: now, until_at: now, position: 7 }

const oneTimeToken = {
  id,
  hash: bytes,
  purpose: 'invitation' as const,
  user_id: id,
  email: 'ada@example.com',
  created_at: now,
  expires_at: now,
  used_at: null,
  mailed: 0,
}

const guesses = { name: 'name', failures: 2, last_at: now, forgotten_at: null }

const checkpoint = { number: 7, at: now, key_id: 'key', body: '{}', hash: bytes, signature: bytes }

const anyone = { words: [], status: undefined, role: undefined, from: undefined, before: undefined }
const choosy = { words: ['ada'], status: 'active' as const, role: 'a_b', from: 'from', before: 'before' }

/** Each store function, called in each way that makes a statement of its own. */
const stores: {
  users: Calls<typeof users>
  outbox: Calls<typeof outbox>
  links: Calls<typeof oneTimeTokens>
  passwords: Calls<typeof passwords>
  sessions: Calls<typeof sessions>
  revocations: Calls<typeof revocations>
  keys: Calls<typeof keys>
  services: Calls<typeof services>
  throttling: Calls<typeof throttling>
  audit: Calls<typeof audit>
} = {
  users: {
    insertUser: [(db) => users.insertUser(db, userRow())],
    insertUsers: [
      (db) =>
        users.insertUsers(
          db as Tx,
          [userRow(), userRow()],
          [
            { user_id: id, role: 'admin' },
            { user_id: id, role: 'editor' },
          ],
          [{ user_id: id, word: 'ada' }],
        ),
    ],
    listUsersKnownBy: [(db) => users.listUsersKnownBy(db, ['ada@example.com'], ['one'])],
    listUserRowsAfter: [(db) => users.listUserRowsAfter(db, id, 500)],
    listUsersToDelete: [
      (db) => users.listUsersToDelete(db, now, 100),
      (db) => users.listUsersToDelete(db, now, 100, { due_at: 1, id }),
    ],
    listUnconfirmedUsers: [(db) => users.listUnconfirmedUsers(db, now, 100, { due_at: 1, id })],
    findUserById: [(db) => users.findUserById(db, id)],
    findUserForLogin: [(db) => users.findUserForLogin(db, 'ada@example.com')],
    findUserIdByEmail: [(db) => users.findUserIdByEmail(db, 'ada@example.com')],
    updateUser: [
      (db) => users.updateUser(db, id, { last_login_at: now }),
      (db) => users.updateUser(db, id, { name: null, locale: 'en', metadata: '{}', updated_at: now }),
    ],
    deleteUserRow: [(db) => users.deleteUserRow(db, id)],
    insertUserRoles: [(db) => users.insertUserRoles(db, id, ['admin', 'editor'])],
    deleteUserRoles: [(db) => users.deleteUserRoles(db, id)],
    insertUserWords: [(db) => users.insertUserWords(db, id, ['ada', 'lovelace'])],
    deleteUserWords: [(db) => users.deleteUserWords(db, id)],
    takeUserRow: [(db) => users.takeUserRow(db as Tx, id)],
    turnLatch: [(db) => users.turnLatch(db as Tx, 'admins')],
    hasOtherActiveUserWithRole: [(db) => users.hasOtherActiveUserWithRole(db as Tx, 'admin', id)],
    countUsersWithRole: [(db) => users.countUsersWithRole(db, 'admin', 1000)],
    listIdsByWord: [(db) => users.listIdsByWord(db, 'ada', 513)],
    listIdsByStatus: [(db) => users.listIdsByStatus(db, 'disabled', 513)],
    listIdsByRole: [(db) => users.listIdsByRole(db, 'admin', 513)],
    listIdsMadeBetween: [(db) => users.listIdsMadeBetween(db, 'from', 'before', 513)],
    walkUsers: [
      (db) => users.walkUsers(db, anyone, '-created_at', 51, undefined),
      (db) => users.walkUsers(db, { ...anyone, from: 'from', before: 'before' }, 'created_at', 51, 'after'),
      (db) => users.walkUsers(db, { ...anyone, status: 'active' }, '-created_at', 51, 'after'),
      (db) => users.walkUsers(db, { ...anyone, role: 'admin' }, '-created_at', 51, 'after'),
      (db) => users.walkUsers(db, anyone, 'email', 51, 'after'),
    ],
    listUserRows: [
      (db) => users.listUserRows(db, ['one', 'two'], anyone, '-created_at', 51),
      (db) => users.listUserRows(db, ['one', 'two'], choosy, 'email', 51, 'after'),
    ],
  },
  links: {
    insertOneTimeToken: [(db) => oneTimeTokens.insertOneTimeToken(db, oneTimeToken)],
    findOneTimeTokenRow: [(db) => oneTimeTokens.findOneTimeTokenRow(db, bytes)],
    markOneTimeTokenUsed: [(db) => oneTimeTokens.markOneTimeTokenUsed(db, id, now)],
    listGoodTokens: [(db) => oneTimeTokens.listGoodTokens(db, id, now)],
    hasMailedToken: [
      (db) => oneTimeTokens.hasMailedToken(db, id, ['invitation', 'password_reset'], 'ada@example.com', now, now),
    ],
    listOneTimeTokensExpiredBefore: [(db) => oneTimeTokens.listOneTimeTokensExpiredBefore(db, now, 500)],
    deleteOneTimeTokenRows: [(db) => oneTimeTokens.deleteOneTimeTokenRows(db, ['one', 'two'])],
    deleteOneTimeTokensOfUser: [
      (db) => oneTimeTokens.deleteOneTimeTokensOfUser(db, id),
      (db) => oneTimeTokens.deleteOneTimeTokensOfUser(db, id, ['invitation', 'password_reset']),
      (db) => oneTimeTokens.deleteOneTimeTokensOfUser(db, id, ['invitation', 'password_reset'], true),
    ],
  },
  passwords: {
    listHashFormats: [(db) => passwords.listHashFormats(db)],
    insertHashFormat: [(db) => passwords.insertHashFormat(db, { kind: 'scrypt', least: 1, most: 2 })],
    widenHashFormat: [(db) => passwords.widenHashFormat(db, { kind: 'scrypt', least: 1, most: 2 })],
    sampleHashes: [(db) => passwords.sampleHashes(db, 100)],
    findPasswordChange: [(db) => passwords.findPasswordChange(db, id)],
    findPasswordHash: [(db) => passwords.findPasswordHash(db, id)],
    insertPasswords: [(db) => passwords.insertPasswords(db as Tx, [{ userId: id, hash: 'hash' }], now)],
    findPasswordHashes: [(db) => passwords.findPasswordHashes(db, ['one', 'two'])],
    insertPassword: [(db) => passwords.insertPassword(db, id, 'hash', now)],
    replacePassword: [
      (db) => passwords.replacePassword(db, id, 'former', 'hash', now),
      (db) => passwords.replacePassword(db, id, 'former', 'hash'),
    ],
    setPassword: [(db) => passwords.setPassword(db as Tx, id, 'hash', now)],
    deletePassword: [(db) => passwords.deletePassword(db, id)],
  },
  sessions: {
    listDevicesOfUser: [(db) => sessions.listDevicesOfUser(db, id, 200)],
    insertSession: [(db) => sessions.insertSession(db, sessionRow())],
    findSessionWithUser: [(db) => sessions.findSessionWithUser(db, { id })],
    rotateSessionRow: [
      (db) => sessions.rotateSessionRow(db, { id, from: 1, to: 2, redeemers: bytes, now, idleExpiresAt: 2, ip: null }),
    ],
    endSessionRow: [
      (db) => sessions.endSessionRow(db, id, 'logout', now),
      (db) => sessions.endSessionRow(db, id, 'refresh_token_reuse', now, 3),
    ],
    endSessionRows: [(db) => sessions.endSessionRows(db, ['one', 'two'], 'logout_all', now)],
    endSessionRowsOfUser: [(db) => sessions.endSessionRowsOfUser(db, id, 'deleted', now)],
    listEndedSessions: [(db) => sessions.listEndedSessions(db, ['one', 'two'], [1, 2])],
    listEndedUsers: [(db) => sessions.listEndedUsers(db, ['one', 'two'], [1, 2])],
    findSessionEnd: [(db) => sessions.findSessionEnd(db, id)],
    listSessionsEndedSince: [(db) => sessions.listSessionsEndedSince(db, id, 'logout_others', now)],
    listOpenSessions: [(db) => sessions.listOpenSessions(db, id), (db) => sessions.listOpenSessions(db, id, 'x')],
    findSessionRow: [(db) => sessions.findSessionRow(db, id)],
    findSessionOfUser: [(db) => sessions.findSessionOfUser(db, id, 'user')],
    listSessionRows: [
      (db) => sessions.listSessionRows(db, id, 51),
      (db) => sessions.listSessionRows(db, id, 51, 'before'),
    ],
    listLiveSessionsByUse: [(db) => sessions.listLiveSessionsByUse(db, id, now)],
    listSessionsExpiredBefore: [(db) => sessions.listSessionsExpiredBefore(db, now, 500)],
    deleteSessionRows: [(db) => sessions.deleteSessionRows(db, ['one', 'two'])],
    blankSessionRowsOfUser: [(db) => sessions.blankSessionRowsOfUser(db, id)],
  },
  revocations: {
    insertRevocations: [
      (db) => revocations.insertRevocations(db, [{ ...revocation, reason: 'logout', revoked_at: now }]),
    ],
    listRevokedTokens: [(db) => revocations.listRevokedTokens(db, ['one', 'two'], now)],
    listRevocationsLapsedBefore: [(db) => revocations.listRevocationsLapsedBefore(db, now, 500)],
    deleteRevocationRows: [(db) => revocations.deleteRevocationRows(db, ['one', 'two'])],
    listRevocationsAfter: [(db) => revocations.listRevocationsAfter(db, { position: 7, now, limit: 1000 })],
    listUnplacedIds: [(db) => revocations.listUnplacedIds(db, 9, 200)],
    placeRevocations: [(db) => revocations.placeRevocations(db, ['one', 'two'], 9, 8)],
    readFeedHead: [(db) => revocations.readFeedHead(db)],
    insertFeedHead: [(db) => revocations.insertFeedHead(db, 7)],
    advanceFeedHead: [(db) => revocations.advanceFeedHead(db, 7, 8)],
  },
  services: {
    insertService: [
      (db) =>
        services.insertService(db, {
          id,
          client_id: 'svc',
          name: 'a',
          scopes: '[]',
          created_at: now,
          updated_at: null,
        }),
    ],
    listSecretsExpiredBefore: [(db) => services.listSecretsExpiredBefore(db, now, 500)],
    deleteSecretRows: [(db) => services.deleteSecretRows(db, ['one', 'two'])],
    insertServiceSecret: [
      (db) =>
        services.insertServiceSecret(db, {
          ...{ id, service_id: id, hash: bytes, created_at: now, expires_at: null, last_used_at: null },
        }),
    ],
    listServiceRows: [(db) => services.listServiceRows(db, 51), (db) => services.listServiceRows(db, 51, 'after')],
    findServiceRow: [(db) => services.findServiceRow(db, id)],
    takeServiceRow: [(db) => services.takeServiceRow(db, id)],
    updateServiceRow: [(db) => services.updateServiceRow(db, id, { name: 'a', scopes: '[]', updated_at: now })],
    deleteServiceRows: [(db) => services.deleteServiceRows(db, id)],
    listSecretRows: [(db) => services.listSecretRows(db, ['one', 'two'], now)],
    deleteSecretsOfService: [(db) => services.deleteSecretsOfService(db, id)],
    expireServiceSecrets: [(db) => services.expireServiceSecrets(db, id, now)],
    deleteSecretRow: [(db) => services.deleteSecretRow(db, id, 'secret')],
    noteSecretUse: [(db) => services.noteSecretUse(db, id, now, 0)],
    findServiceWithSecrets: [(db) => services.findServiceWithSecrets(db, 'svc', now)],
    listLivingSecrets: [(db) => services.listLivingSecrets(db, ['one', 'two'], now)],
  },
  throttling: {
    findGuesses: [(db) => throttling.findGuesses(db, { name: 'name' })],
    listGuesses: [(db) => throttling.listGuesses(db, ['one', 'two'])],
    insertGuesses: [(db) => throttling.insertGuesses(db as Tx, guesses)],
    replaceGuesses: [(db) => throttling.replaceGuesses(db as Tx, guesses, { failures: 1, last_at: now })],
    returnGuess: [(db) => throttling.returnGuess(db, 'name')],
    deleteGuesses: [(db) => throttling.deleteGuesses(db, 'name')],
    findBucket: [(db) => throttling.findBucket(db, 'name')],
    fillBucket: [(db) => throttling.fillBucket(db as Tx, 'name', { burst: 3, every: 1000 }, now)],
    insertBucket: [(db) => throttling.insertBucket(db as Tx, 'name', now)],
    replaceBucket: [(db) => throttling.replaceBucket(db as Tx, 'name', 2, now)],
    drainBucket: [(db) => throttling.drainBucket(db, 'name', 1000)],
    listGuessesForgottenBefore: [(db) => throttling.listGuessesForgottenBefore(db, now, 500)],
    deleteGuessRows: [(db) => throttling.deleteGuessRows(db, ['one', 'two'], now)],
    listBucketsEmptyBefore: [(db) => throttling.listBucketsEmptyBefore(db, now, 500)],
    deleteBucketRows: [(db) => throttling.deleteBucketRows(db, ['one', 'two'], now)],
  },
  keys: {
    listPublicKeys: [(db) => keys.listPublicKeys(db)],
    listSigningKeys: [(db) => keys.listSigningKeys(db)],
    listRemovedKeys: [(db) => keys.listRemovedKeys(db, now, 500)],
    deleteRemovedKeys: [(db) => keys.deleteRemovedKeys(db, ['one', 'two'])],
    findSigningKey: [(db) => keys.findSigningKey(db, 'kid')],
    resealSigningKey: [(db) => keys.resealSigningKey(db, 'kid', bytes, bytes)],
    insertSigningKey: [
      (db) =>
        keys.insertSigningKey(db, {
          ...signingKey,
          created_at: now,
          activated_at: null,
          retired_at: null,
          revoked_at: null,
        }),
    ],
    markRevoked: [(db) => keys.markRevoked(db, 'kid', now)],
    moveSigningKey: [(db) => keys.moveSigningKey(db, 'kid', 'active', { state: 'retiring', retired_at: now })],
  },
  outbox: {
    insertMail: [(db) => outbox.insertMail(db, outboxRow())],
    findMail: [(db) => outbox.findMail(db, id)],
    listDueMail: [(db) => outbox.listDueMail(db, now, 50)],
    claimMail: [(db) => outbox.claimMail(db, outboxRow(), 'claim', 2)],
    settleMail: [(db) => outbox.settleMail(db, id, 'claim', { state: 'sent', sealed: bytes, finished_at: now })],
    moveMail: [
      (db) => outbox.moveMail(db as Tx, {}, ['waiting'], { state: 'held' }),
      (db) => outbox.moveMail(db as Tx, { id, before: now }, ['waiting', 'held'], { state: 'failed', sealed: bytes }),
    ],
    listMail: [(db) => outbox.listMail(db, undefined, 200), (db) => outbox.listMail(db, 'failed', 200)],
    listMailTimes: [(db) => outbox.listMailTimes(db, ['ada@example.com', 'alias'], 'forgot', now, 10)],
    measureOutbox: [(db) => outbox.measureOutbox(db).catch(() => undefined)],
    reviveMail: [(db) => outbox.reviveMail(db, id, now)],
    listMailExpiredBefore: [(db) => outbox.listMailExpiredBefore(db, now, 100)],
    listMailTo: [(db) => outbox.listMailTo(db, 'ada@example.com', now, 200)],
    blankMailTo: [(db) => outbox.blankMailTo(db as Tx, 'ada@example.com', 'alias', now, now)],
    deleteMailTo: [(db) => outbox.deleteMailTo(db, 'ada@example.com')],
    deleteMailRows: [(db) => outbox.deleteMailRows(db, ['one', 'two'])],
  },
  audit: {
    insertLines: [(db) => audit.insertLines(db, [auditLineRow()])],
    insertWriter: [(db) => audit.insertWriter(db, { writer: id, started_at: now, covered_seq: 0, removed_in: null })],
    listPersons: [(db) => audit.listPersons(db, ['one', 'two'])],
    insertPersons: [(db) => audit.insertPersons(db, [{ user_id: id, secret: bytes, erased_at: null }])],
    listErasedPersons: [(db) => audit.listErasedPersons(db, 1000, 'behind')],
    listErasures: [(db) => audit.listErasures(db, ['one', 'two'], ['user_deleted'])],
    listErasedIn: [(db) => audit.listErasedIn(db, ['one', 'two'], ['user_deleted'], now)],
    erasePersonRow: [(db) => audit.erasePersonRow(db, id, now)],
    listLinesBehind: [(db) => audit.listLinesBehind(db, { writer: id, seq: 1 }, 1000)],
    findHead: [(db) => audit.findHead(db, id)],
    findWriter: [(db) => audit.findWriter(db, id)],
    listWriters: [(db) => audit.listWriters(db, 500, 'behind')],
    listGrownWriters: [(db) => audit.listGrownWriters(db, 500, 'behind')],
    coverLines: [(db) => audit.coverLines(db, id, 7)],
    findLastCheckpoint: [(db) => audit.findLastCheckpoint(db)],
    insertCheckpoint: [(db) => audit.insertCheckpoint(db, checkpoint)],
    listCheckpointSigners: [(db) => audit.listCheckpointSigners(db)],
    listCheckpointsBehind: [(db) => audit.listCheckpointsBehind(db, 7, 500)],
    listCheckpointsBelow: [(db) => audit.listCheckpointsBelow(db, 7, 200)],
    listWritersBefore: [(db) => audit.listWritersBefore(db, now, 200)],
    setRemovedIn: [(db) => audit.setRemovedIn(db, ['one', 'two'], 7)],
    listWritersToRemove: [(db) => audit.listWritersToRemove(db, 1)],
    listSeqs: [(db) => audit.listSeqs(db, id, 500)],
    deleteLinesUpTo: [(db) => audit.deleteLinesUpTo(db, id, 500)],
    deleteWriter: [(db) => audit.deleteWriter(db, id)],
    deleteCheckpointsBelow: [(db) => audit.deleteCheckpointsBelow(db, 7, 500)],
    deleteErasedPersons: [(db) => audit.deleteErasedPersons(db, now, 500)],
    listLines: [
      (db) => audit.listLines(db, {}, 'newest', 51),
      (db) => audit.listLines(db, { user: id, event: 'login' }, 'newest', 51, { at: now, writer: id, seq: 7 }),
      (db) => audit.listLines(db, { actor: id, subject: id, since: 1, until: 2 }, 'oldest', 500),
      (db) => audit.listLines(db, {}, 'oldest', 500, { at: now, writer: id, seq: 7 }),
    ],
  },
}

/** What a function sends to a database of this kind. */
async function statementsOf(dialect: keyof typeof dialects, call: (db: Db) => Promise<unknown>): Promise<string[]> {
  const sent: string[] = []
  const [Adapter, Compiler, Introspector] = dialects[dialect]
  class Recorder extends DummyDriver {
    override async acquireConnection(): Promise<DatabaseConnection> {
      return {
        async executeQuery({ sql }) {
          sent.push(sql)
          return { rows: [] }
        },
        async *streamQuery() {},
      }
    }
  }
  const db = new Kysely<Schema>({
    dialect: {
      createAdapter: () => new Adapter(),
      createDriver: () => new Recorder(),
      createIntrospector: (any) => new Introspector(any),
      createQueryCompiler: () => new Compiler(),
    },
  })
  await call(db)
  return sent
}

for (const dialect of Object.keys(dialects) as (keyof typeof dialects)[]) {
  for (const [store, functions] of Object.entries(stores)) {
    test(`the statements of the ${store} store on ${dialect} are those that were reviewed`, async () => {
      const lines: string[] = []
      for (const [name, calls] of Object.entries(functions)) {
        lines.push(`-- ${name}`)
        for (const call of calls) lines.push(...(await statementsOf(dialect, call)).map((text) => `${text};`))
        lines.push('')
      }
      const text = `${lines.join('\n').trimEnd()}\n`
      const file = `${directory}/${dialect}/${store}.sql`
      if (update) {
        mkdirSync(`${directory}/${dialect}`, { recursive: true })
        writeFileSync(file, text)
      }
      assert.equal(text, readFileSync(file, 'utf8'))
    })
  }
}

const source = fileURLToPath(new URL('../src/domain', import.meta.url))

test('no room with a store, and no function of a store, is left out', async () => {
  const files = globSync('*/store.ts', { cwd: source }).map((path) => path.replaceAll('\\', '/'))
  assert.ok(files.length >= 8)
  for (const file of files) {
    const [room] = file.split('/')
    const exported = Object.entries(await import(`${source}/${file}`)).filter(([, each]) => typeof each === 'function')
    const covered = Object.keys((stores as Record<string, object>)[room!] ?? {})
    assert.deepEqual(covered.sort(), exported.map(([name]) => name).sort(), `domain/${file}`)
  }
  assert.equal(Object.keys(stores).length, files.length)
})

test('no statement carries a value in its text', async () => {
  for (const [name, call] of [
    ['a name', (db: Db) => users.updateUser(db, id, { name: "Robert'); drop table users; --" })],
    ['an id', (db: Db) => sessions.listSessionRows(db, "' or 1=1 --", 1, "'")],
  ] as const) {
    for (const dialect of Object.keys(dialects) as (keyof typeof dialects)[]) {
      const texts = await statementsOf(dialect, call)
      assert.equal(
        texts.some((text) => text.includes("'")),
        false,
        `${name}, ${dialect}`,
      )
    }
  }
})
