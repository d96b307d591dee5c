import assert from 'node:assert/strict'
import { it } from 'node:test'
import { inTransaction } from '../../src/database/transaction.ts'
import { createOneTimeToken, hashOneTimeToken, type Purpose } from '../../src/domain/links/create.ts'
import { readOneTimeToken } from '../../src/domain/links/redeem.ts'
import {
  deleteOneTimeTokensOfUser,
  findOneTimeTokenRow,
  listGoodTokens,
  markOneTimeTokenUsed,
} from '../../src/domain/links/store.ts'
import { newId } from '../../src/random.ts'
import { describeStore } from './fresh-stores.ts'

const now = 1_700_000_000_000

describeStore('the links store', (database) => {
  const db = () => database().db
  const user = () => ({ id: newId(now), email: 'ada@example.com' })
  const create = (of: { id: string; email: string }, purpose: Purpose = 'password_reset') =>
    inTransaction(database(), (tx) => createOneTimeToken(tx, purpose, of, now))

  it('keeps the hash, never the token, and finds it by every byte', async () => {
    const of = user()
    const { token, expiresAt } = await create(of)
    const { id, hash, ...row } = (await findOneTimeTokenRow(db(), hashOneTimeToken(token)))!
    assert.deepEqual(row, {
      purpose: 'password_reset',
      user_id: of.id,
      email: of.email,
      created_at: now,
      expires_at: expiresAt,
      used_at: null,
      mailed: 0,
    })
    assert.equal(hash.length, 32)
    assert.ok(id)
    assert.equal(await findOneTimeTokenRow(db(), hashOneTimeToken(`${token}x`)), undefined)
  })

  it('uses a token once, however many try', async () => {
    const { token } = await create(user())
    const { id } = (await findOneTimeTokenRow(db(), hashOneTimeToken(token)))!
    const tries = await Promise.all([1, 2, 3, 4].map(() => markOneTimeTokenUsed(db(), id, now + 1)))
    assert.deepEqual(tries.filter(Boolean), [true])
    assert.equal(await readOneTimeToken(db(), token, ['password_reset'], now + 1), undefined)
  })

  it('is used up by itself, also for who comes later and waits for nobody', async () => {
    const { token } = await create(user())
    const { id } = (await findOneTimeTokenRow(db(), hashOneTimeToken(token)))!
    assert.equal(await markOneTimeTokenUsed(db(), id, now + 1), true)
    assert.equal(await markOneTimeTokenUsed(db(), id, now + 2), false)
    assert.equal((await findOneTimeTokenRow(db(), hashOneTimeToken(token)))!.used_at, now + 1)
  })

  it('of two ways to choose a password the newer one counts, and of two verifications', async () => {
    for (const [older, newer] of [
      ['invitation', 'password_reset'],
      ['password_reset', 'invitation'],
      ['email_verification', 'email_verification'],
      ['email_change', 'email_change'],
    ] as const) {
      const of = user()
      const [first, second] = [await create(of, older), await create(of, newer)]
      assert.equal(await readOneTimeToken(db(), first.token, [older], now), undefined, `${older} by ${newer}`)
      assert.ok(await readOneTimeToken(db(), second.token, [newer], now))
    }
  })

  it('is good for its purpose and until its last millisecond', async () => {
    const { token, expiresAt } = await create(user(), 'invitation')
    assert.ok(await readOneTimeToken(db(), token, ['invitation'], expiresAt - 1))
    assert.equal(await readOneTimeToken(db(), token, ['invitation'], expiresAt), undefined)
    assert.equal(await readOneTimeToken(db(), token, ['password_reset'], now), undefined)
    const { id } = (await findOneTimeTokenRow(db(), hashOneTimeToken(token)))!
    assert.equal(await markOneTimeTokenUsed(db(), id, expiresAt), false)
  })

  it('lists what is good of one user, the newest first', async () => {
    const [of, other] = [user(), user()]
    const at = (later: number, purpose: Purpose, whose = of) =>
      inTransaction(database(), (tx) => createOneTimeToken(tx, purpose, whose, now + later))
    const reset = await at(0, 'password_reset')
    await at(1, 'email_verification')
    await at(2, 'email_change')
    await at(3, 'password_reset', other)
    const listed = async (when: number) => (await listGoodTokens(db(), of.id, when)).map(({ purpose }) => purpose)
    assert.deepEqual(await listed(now + 4), ['email_change', 'email_verification', 'password_reset'])
    assert.ok(!(await listed(reset.expiresAt)).includes('password_reset'))
    assert.ok((await listed(reset.expiresAt - 1)).includes('password_reset'))
    const { id } = (await findOneTimeTokenRow(db(), hashOneTimeToken(reset.token)))!
    await markOneTimeTokenUsed(db(), id, now + 4)
    assert.deepEqual(await listed(now + 4), ['email_change', 'email_verification'])
  })

  it('replaces those for the like, and leaves those for other acts', async () => {
    const of = user()
    const verification = await create(of, 'email_verification')
    const reset = await create(of)
    await create(of, 'invitation')
    const isGood = async ({ token }: { token: string }, purpose: 'email_verification' | 'password_reset') =>
      (await readOneTimeToken(db(), token, [purpose], now)) !== undefined
    assert.equal(await isGood(verification, 'email_verification'), true)
    assert.equal(await isGood(reset, 'password_reset'), false)
    await create(of, 'email_verification')
    assert.equal(await isGood(verification, 'email_verification'), false)
  })

  it('replaces those of the same user and leaves those of others', async () => {
    const [one, other] = [user(), user()]
    const [first, theirs] = [await create(one, 'invitation'), await create(other)]
    const second = await create(one)
    const isGood = async ({ token }: { token: string }) =>
      (await readOneTimeToken(db(), token, ['invitation', 'password_reset'], now)) !== undefined
    assert.deepEqual([await isGood(first), await isGood(second), await isGood(theirs)], [false, true, true])
    await deleteOneTimeTokensOfUser(db(), one.id)
    assert.deepEqual([await isGood(second), await isGood(theirs)], [false, true])
  })
})
