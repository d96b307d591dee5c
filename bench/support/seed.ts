import { sql } from 'kysely'
import type { Database } from '../../server/src/database/connect.ts'
import { inTransaction } from '../../server/src/database/transaction.ts'
import { startHasher } from '../../server/src/domain/passwords/hasher.ts'
import { noRedeemers } from '../../server/src/domain/sessions/redeemers.ts'
import { wordsOfName } from '../../server/src/domain/users/words.ts'
import { newId } from '../../server/src/random.ts'

export const password = 'engine of brass and steam'

const rowsPerInsert = 500
const day = 24 * 60 * 60 * 1000
const years = 3 * 365 * day

const first =
  'Ada Alan Barbara Carol Chen Dana Edsger Émile Fatima Grace Hedy Ida Jean Kateryna Linus Mary Niklaus Olga Priya Radia Sofia Tim Ursula Vint Wanja Ximena Yuki Zoë'.split(
    ' ',
  )
const last =
  'Adams Babbage Cerf Dijkstra Easley Franklin Goldberg Hopper Ibarra Johnson Keller Lovelace Moore Noether Okafor Perlman Quine Ritchie Shaw Turing Ulam Vaughan Wirth Xu Young Zuse'.split(
    ' ',
  )

/** The user with this number, always the same. Every thousandth is disabled, every twentieth a member. */
export function personOf(index: number) {
  // Far apart, so that neighbours in time are none in the alphabet.
  const mixed = Math.imul(index, 2654435761) >>> 0
  const name = `${first[mixed % first.length]} ${last[(mixed >>> 8) % last.length]}`
  const local = name.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase().replace(' ', '.')
  const roles = [...(index % 20 === 7 ? ['member'] : []), ...(index % 50_000 === 11 ? ['admin'] : [])]
  return {
    name,
    email: `${local}.${index}@example.com`,
    roles,
    status: index % 1000 === 3 ? 'disabled' : 'active',
  } as const
}

/**
 * Users with a password and a session each, made over the last three years.
 * @returns seconds
 */
export async function seed(database: Database, users: number, tell: (line: string) => void): Promise<number> {
  const hasher = startHasher({ threads: 1, maxWait: 60_000, wanted: { scheme: 'argon2id' } })
  const hash = await hasher.hash(password)
  await hasher.close()
  const start = performance.now()
  const now = Date.now()
  let told = start
  // What breaks off half-way is thrown away: nothing needs to be durable yet.
  if (database.dialect.name === 'sqlite') {
    for (const setting of ['synchronous = off', 'cache_size = -262144']) {
      await sql.raw(`pragma ${setting}`).execute(database.db)
    }
  }
  for (let from = 0; from < users; from += rowsPerInsert) {
    await insertSome(
      database,
      from,
      Math.min(from + rowsPerInsert, users),
      (index) => now - years + Math.floor((years / users) * index),
      hash,
      now,
    )
    if (performance.now() - told > 2000) {
      told = performance.now()
      const done = from + rowsPerInsert
      const rate = done / ((told - start) / 1000)
      tell(`${done} of ${users} users, ${Math.round(rate)} a second, ${Math.ceil((users - done) / rate)} s to go`)
    }
  }
  // What a server does by itself within minutes.
  if (database.dialect.name === 'postgres') await sql`vacuum analyze`.execute(database.db)
  if (database.dialect.name === 'mysql') {
    await sql`analyze table users, user_roles, user_words, passwords, sessions`.execute(database.db)
  }
  return (performance.now() - start) / 1000
}

async function insertSome(
  database: Database,
  from: number,
  to: number,
  createdAt: (index: number) => number,
  hash: string,
  now: number,
): Promise<void> {
  const people = Array.from({ length: to - from }, (_, offset) => {
    const at = createdAt(from + offset)
    return { ...personOf(from + offset), id: newId(at), at }
  })
  const user_roles = people.flatMap(({ id, roles }) => roles.map((role) => ({ user_id: id, role })))
  const user_words = people.flatMap(({ id, name }) => wordsOfName(name).map((word) => ({ user_id: id, word })))
  await inTransaction(database, async (tx) => {
    await tx
      .insertInto('users')
      .values(
        people.map(({ id, email, name, roles, status, at }) => ({
          id,
          email,
          email_verified: 1,
          name,
          locale: 'en',
          roles: JSON.stringify(roles),
          status,
          metadata: '{}',
          created_at: at,
          updated_at: at,
          last_login_at: now,
        })),
      )
      .execute()
    if (user_roles.length > 0) await tx.insertInto('user_roles').values(user_roles).execute()
    await tx.insertInto('user_words').values(user_words).execute()
    await tx
      .insertInto('passwords')
      .values(people.map(({ id, at }) => ({ user_id: id, hash, changed_at: at })))
      .execute()
    await tx
      .insertInto('sessions')
      .values(
        people.map(({ id }) => ({
          id: newId(now),
          user_id: id,
          generation: 0,
          rotated_at: now,
          redeemers: noRedeemers,
          idle_expires_at: now + 30 * day,
          absolute_expires_at: now + 90 * day,
          ended_at: null,
          end_reason: null,
          created_at: now,
          last_used_at: now,
          last_ip: '192.0.2.7',
          user_agent: 'bench',
          device_name: null,
        })),
      )
      .execute()
  })
}
