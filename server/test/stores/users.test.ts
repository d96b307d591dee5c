import assert from 'node:assert/strict'
import { it } from 'node:test'
import { deletePassword, findPasswordHash, insertPassword, replacePassword } from '../../src/domain/passwords/store.ts'
import {
  deleteUserRow,
  findUserById,
  findUserForLogin,
  findUserIdByEmail,
  insertUser,
  listUsersToDelete,
  updateUser,
} from '../../src/domain/users/store.ts'
import { newId } from '../../src/random.ts'
import { userRow } from '../support/rows.ts'
import { describeStore, failure } from './fresh-stores.ts'

describeStore('the users store', (database) => {
  const db = () => database().db

  it('reads a user as it was written, whatever its texts hold', async () => {
    const row = userRow({
      email_verified: 1,
      name: 'Ada “Countess” O’Lovelace 👩‍💻 \\ % _ \' " ` ; --',
      locale: 'en-GB',
      roles: '["admin","a:b"]',
      status: 'pending',
      metadata: JSON.stringify({ text: '日本語\u0000\u2028', long: 'x'.repeat(16_000), deep: [[[{}]]] }),
      created_at: 253_402_300_799_999,
      updated_at: 1,
      last_login_at: 0,
      deletion_due_at: 253_402_300_799_999,
    })
    await insertUser(db(), row)
    assert.deepEqual({ ...(await findUserById(db(), row.id)) }, row)
    const empty = userRow()
    await insertUser(db(), empty)
    assert.deepEqual({ ...(await findUserById(db(), empty.id)) }, empty)
  })

  it('finds whose time is over, the longest due first, each once from page to page', async () => {
    const due = [userRow({ deletion_due_at: 20 }), userRow({ deletion_due_at: 20 }), userRow({ deletion_due_at: 10 })]
    for (const row of [...due, userRow({ deletion_due_at: 21 }), userRow()]) await insertUser(db(), row)
    const found: string[] = []
    for (let after: { due_at: number; id: string } | undefined; ; ) {
      const [one] = await listUsersToDelete(db(), 20, 1, after)
      if (!one) break
      found.push(one.id)
      after = one
    }
    assert.deepEqual(found, [due[2]!.id, ...[due[0]!.id, due[1]!.id].sort()])
    assert.equal((await listUsersToDelete(db(), 20, 2)).length, 2)
  })

  it('refuses a second user of one address, and says that this is why', async () => {
    const row = userRow({ email: 'twice@example.com' })
    await insertUser(db(), row)
    const error = await failure(insertUser(db(), userRow({ email: row.email })))
    assert.equal(database().dialect.isDuplicate(error), true)
    assert.equal(await findUserIdByEmail(db(), row.email), row.id)
  })

  it('tells addresses apart byte by byte', async () => {
    const emails = [
      'bytes@example.com',
      'Bytes@example.com',
      'bytés@example.com',
      'bytes@example.com ',
      'bytes@example.co',
    ]
    for (const email of emails) {
      const row = userRow({ email })
      await insertUser(db(), row)
      assert.equal(await findUserIdByEmail(db(), email), row.id, JSON.stringify(email))
    }
    assert.equal(await findUserIdByEmail(db(), 'BYTES@example.com'), undefined)
    assert.equal(await findUserIdByEmail(db(), 'bytes@example.com  '), undefined)
  })

  it('keeps an address of 254 bytes whole', async () => {
    const row = userRow({ email: `${'a'.repeat(64)}@${'b'.repeat(185)}.com` })
    await insertUser(db(), row)
    assert.equal((await findUserById(db(), row.id))?.email, row.email)
  })

  it('finds a user for a login with its hash, or without where there is no password', async () => {
    const row = userRow()
    await insertUser(db(), row)
    assert.deepEqual({ ...(await findUserForLogin(db(), row.email)) }, { ...row, hash: null })
    await insertPassword(db(), row.id, '$2b$12$hash', 7)
    assert.deepEqual({ ...(await findUserForLogin(db(), row.email)) }, { ...row, hash: '$2b$12$hash' })
    assert.equal(await findUserForLogin(db(), 'nobody@example.com'), undefined)
  })

  it('changes what it is told to and nothing else, and says whether the user was there', async () => {
    const [row, other] = [userRow(), userRow()]
    await insertUser(db(), row)
    await insertUser(db(), other)
    assert.equal(await updateUser(db(), row.id, { name: 'Ada', last_login_at: 5 }), true)
    assert.deepEqual({ ...(await findUserById(db(), row.id)) }, { ...row, name: 'Ada', last_login_at: 5 })
    assert.deepEqual({ ...(await findUserById(db(), other.id)) }, other)
    assert.equal(await updateUser(db(), newId(1), { name: 'Ada' }), false)
  })

  it('says that the user was there also when nothing changes', async () => {
    const row = userRow({ name: 'Ada' })
    await insertUser(db(), row)
    assert.equal(await updateUser(db(), row.id, { name: 'Ada' }), true)
  })

  it('deletes a user once', async () => {
    const [row, other] = [userRow(), userRow()]
    await insertUser(db(), row)
    await insertUser(db(), other)
    assert.equal(await deleteUserRow(db(), row.id), true)
    assert.equal(await deleteUserRow(db(), row.id), false)
    assert.equal(await findUserById(db(), row.id), undefined)
    assert.notEqual(await findUserById(db(), other.id), undefined)
  })
})

describeStore('the passwords store', (database) => {
  const db = () => database().db
  const changedAt = async (id: string) =>
    (await db().selectFrom('passwords').select('changed_at').where('user_id', '=', id).executeTakeFirst())?.changed_at

  it('keeps one password of a user', async () => {
    const id = newId(1)
    await insertPassword(db(), id, 'hash', 7)
    assert.equal(await findPasswordHash(db(), id), 'hash')
    assert.equal(database().dialect.isDuplicate(await failure(insertPassword(db(), id, 'other', 8))), true)
    assert.equal(await findPasswordHash(db(), id), 'hash')
    await deletePassword(db(), id)
    assert.equal(await findPasswordHash(db(), id), null)
    await deletePassword(db(), id)
  })

  it('replaces a password only where the former one still stands', async () => {
    const [id, other] = [newId(1), newId(1)]
    await insertPassword(db(), id, 'hash', 7)
    await insertPassword(db(), other, 'hash', 7)
    assert.equal(await replacePassword(db(), id, 'wrong', 'new', 8), false)
    assert.equal(await replacePassword(db(), id, 'HASH', 'new', 8), false)
    assert.equal(await replacePassword(db(), id, 'hash ', 'new', 8), false)
    assert.equal(await findPasswordHash(db(), id), 'hash')
    assert.equal(await replacePassword(db(), id, 'hash', 'new', 8), true)
    assert.equal(await findPasswordHash(db(), id), 'new')
    assert.equal(await findPasswordHash(db(), other), 'hash')
    assert.equal(await changedAt(id), 8)
  })

  it('leaves the time of the change alone when only the format changes', async () => {
    const id = newId(1)
    await insertPassword(db(), id, 'hash', 7)
    assert.equal(await replacePassword(db(), id, 'hash', 'rehashed'), true)
    assert.equal(await changedAt(id), 7)
  })
})
