import assert from 'node:assert/strict'
import { it } from 'node:test'
import { inTransaction } from '../../src/database/transaction.ts'
import { createUser } from '../../src/domain/users/create.ts'
import { deleteUser } from '../../src/domain/users/delete.ts'
import { listUsers, type UserFilter, type UserOrder } from '../../src/domain/users/list.ts'
import { changeUser, setUserStatus } from '../../src/domain/users/update.ts'
import type { User } from '../../src/domain/users/user.ts'
import { newId } from '../../src/random.ts'
import { describeStore } from './fresh-stores.ts'

const start = 1_700_000_000_000

describeStore('the list of users', (database, name) => {
  const people: User[] = []
  const make = (email: string, changes: { name?: string; roles?: string[]; status?: User['status'] }, at: number) =>
    inTransaction(database(), async (tx) => {
      const { name = null, roles = [], status = 'active' } = changes
      return createUser(tx, { id: newId(at), email, name, locale: null, roles, status }, at)
    })
  const ids = (users: { id: string }[]) => users.map(({ id }) => id)

  /** What the list must be, said once more and plainly. */
  function expected(filter: UserFilter, order: UserOrder, words: string[]): string[] {
    const wanted = people.filter(
      (user) =>
        words.every(
          (word) => user.email.startsWith(word) || startsOf(user.name).some((each) => each.startsWith(word)),
        ) &&
        (filter.status === undefined || user.status === filter.status) &&
        (filter.role === undefined || user.roles.includes(filter.role)) &&
        (filter.createdAfter === undefined || user.createdAt >= filter.createdAfter) &&
        (filter.createdBefore === undefined || user.createdAt < filter.createdBefore),
    )
    const key = (user: User) => (order === 'email' ? user.email : user.id)
    const sorted = wanted.sort((one, other) => (key(one) < key(other) ? -1 : 1))
    return ids(order === '-created_at' ? sorted.reverse() : sorted)
  }
  const startsOf = (text: string | null) => (text ?? '').toLowerCase().split(/[ -]/)

  /** Every page to the end. */
  async function all(filter: UserFilter, order: UserOrder, limit: number, bounds?: { few: number; stretches: number }) {
    const found: string[] = []
    let after: string | undefined
    for (let pages = 0; pages < 500; pages++) {
      const page = await listUsers(database().db, filter, order, limit, after, bounds)
      assert.ok(page.users.length <= limit)
      found.push(...ids(page.users))
      if (page.next === null) return found
      assert.notEqual(page.next, after, 'every page goes on')
      after = page.next
    }
    throw new Error('The list does not end.')
  }

  it('holds everybody once and in order, whatever is asked for and however the pages fall', async () => {
    const names = ['Ada Lovelace', 'Grace Hopper', 'Anne-Marie Adams', undefined]
    const roles = [[], ['member'], ['member', 'editor'], ['mem:ber']]
    for (let index = 0; index < 60; index++) {
      const status = index % 20 === 7 ? 'disabled' : index % 15 === 3 ? 'pending' : 'active'
      const email = `${['ada', 'zoe', 'grace', 'bob'][(index * 7) % 4]}-${String((index * 37) % 60).padStart(2, '0')}@example.com`
      const name = names[(index * 3) % 4]
      // Some are made in the same millisecond.
      const changes = { roles: roles[(index * 5) % 4]!, status, ...(name !== undefined && { name }) } as const
      people.push(await make(email, changes, start + Math.floor(index / 3)))
    }
    const searches: [string | undefined, string[]][] = [
      [undefined, []],
      ['ada', ['ada']],
      ['ADA lov', ['ada', 'lov']],
      ['marie', ['marie']],
      ['nobody', ['nobody']],
      ['ada-0', ['ada-0']],
    ]
    const bounds = { few: 7, stretches: 2 }
    let asked = 0
    for (const [search, words] of searches) {
      for (const status of [undefined, 'active', 'disabled'] as const) {
        for (const role of [undefined, 'member', 'editor', 'nothing']) {
          for (const [createdAfter, createdBefore] of [
            [undefined, undefined],
            [start + 4, start + 15],
          ]) {
            for (const order of ['created_at', '-created_at', 'email'] as const) {
              const filter = { search, status, role, createdAfter, createdBefore }
              // Each database gets a third of the questions, SQLite all.
              if (name !== 'SQLite' && asked++ % 3 !== 0) continue
              assert.deepEqual(
                await all(filter, order, 5, bounds),
                expected(filter, order, words),
                JSON.stringify({ filter, order }),
              )
            }
          }
        }
      }
    }
  })

  it('finds by names without case, accents and compatibility forms, from each of their beginnings', async () => {
    const { id } = await make('x1@example.org', { name: 'Émile “Zola” d’Églantine Ǆungla ﬁn' }, start + 100)
    for (const search of [
      'emile',
      'ÉMI',
      'zola',
      '“zola',
      'egl',
      'd’eg',
      'dzu',
      'fin zola emile x1@',
      'x1@example.org',
    ]) {
      assert.ok((await all({ search }, 'email', 50)).includes(id), search)
    }
    for (const search of ['mile', 'ola', 'x1@example.org.', 'emile zole']) {
      assert.deepEqual(await all({ search }, 'email', 50), [], search)
    }
  })

  it('takes every sign of a search for itself', async () => {
    const odd = await make('100%_off@example.org', { name: '50%_\\\'"; --x [a-z]* .* $1 ?' }, start + 101)
    for (const search of ['100%_', '50%_\\', '[a-z]*', '.*', '$1', '?']) {
      assert.deepEqual(await all({ search }, 'email', 50), [odd.id], search)
    }
    for (const search of ['%', '_', '1%', '100_', '50__', '[a-f]', '*', "' or 1=1", '\\']) {
      assert.deepEqual(await all({ search }, 'email', 50), [], search)
    }
    assert.deepEqual(await all({ role: 'mem_ber' }, 'email', 50), [])
    for (const email of ['r1@example.org', 'r2@example.org']) await make(email, { roles: ['mem_ber'] }, start + 101)
    await make('r3@example.org', { name: 'Oddly', roles: ['mem:ber'] }, start + 101)
    assert.deepEqual(await all({ role: 'mem_ber', search: 'oddly' }, 'email', 50), [])
  })

  it('follows every change of name, roles, status and address, and forgets who is deleted', async () => {
    const user = await make('follow@example.org', { name: 'Former', roles: ['former'] }, start + 102)
    const found = async (filter: UserFilter) => (await all(filter, 'created_at', 50)).includes(user.id)
    await inTransaction(database(), async (tx) => {
      await changeUser(
        tx,
        user.id,
        { name: 'Later', roles: ['later', 'second'], email: 'later@example.org' },
        start + 103,
      )
      await setUserStatus(tx, user.id, 'disabled', start + 103)
    })
    for (const filter of [{ search: 'former' }, { search: 'follow@' }, { role: 'former' }]) {
      assert.equal(await found(filter), false, JSON.stringify(filter))
    }
    for (const filter of [
      { search: 'later' },
      { search: 'later@' },
      { role: 'second' },
      { role: 'later', status: 'disabled' as const, search: 'lat' },
    ]) {
      assert.equal(await found(filter), true, JSON.stringify(filter))
    }
    await inTransaction(database(), (tx) => changeUser(tx, user.id, { name: null }, start + 104))
    assert.equal(await found({ search: 'later' }), true)
    assert.equal(await found({ search: 'later second' }), false)
    await inTransaction(database(), (tx) => deleteUser(tx, user.id))
    const { db } = database()
    for (const table of ['user_roles', 'user_words'] as const) {
      assert.deepEqual(await db.selectFrom(table).selectAll().where('user_id', '=', user.id).execute(), [], table)
    }
  })

  it('shows newcomers nowhere twice, and leaves nobody out, while pages are turned', async () => {
    const seen: string[] = []
    let after: string | undefined
    for (let turn = 0; ; turn++) {
      const page = await listUsers(database().db, { search: 'example' }, 'created_at', 3, after, {
        few: 2,
        stretches: 1,
      })
      seen.push(...ids(page.users))
      if (page.next === null) break
      after = page.next
      if (turn < 3) await make(`late-${turn}@example.org`, { name: 'Example' }, start - 1 - turn)
    }
    assert.equal(new Set(seen).size, seen.length)
  })
})
