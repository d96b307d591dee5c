import assert from 'node:assert/strict'
import { it } from 'node:test'
import {
  deleteRemovedKeys,
  findSigningKey,
  insertSigningKey,
  listRemovedKeys,
  listSigningKeys,
  markRevoked,
  moveSigningKey,
  resealSigningKey,
  type SigningKeyRow,
} from '../../src/domain/keys/store.ts'
import { randomBytes, randomToken } from '../../src/random.ts'
import { describeStore, failure } from './fresh-stores.ts'

const row = (changes: Partial<SigningKeyRow> = {}): SigningKeyRow => ({
  kid: randomToken(32),
  algorithm: 'ES256',
  state: 'next',
  public_jwk: '{"kty":"EC"}',
  sealed_private: randomBytes(200),
  created_at: 1,
  activated_at: null,
  retired_at: null,
  revoked_at: null,
  ...changes,
})

describeStore('the signing keys store', (database) => {
  const db = () => database().db
  const listed = async () => (await listSigningKeys(db())).map((each) => ({ ...each }))

  it('lists keys as they were written, oldest first, and not the removed ones', async () => {
    const late = row({ created_at: 30, sealed_private: randomBytes(4096), state: 'active', activated_at: 31 })
    const early = row({ created_at: 10, state: 'retiring', activated_at: 11, retired_at: 12 })
    for (const each of [late, early, row({ created_at: 20, state: 'removed' })]) await insertSigningKey(db(), each)
    assert.deepEqual(await listed(), [early, late])
    assert.equal(database().dialect.isDuplicate(await failure(insertSigningKey(db(), late))), true)
  })

  it('tells key ids apart by case', async () => {
    const kid = randomToken(16)
    await insertSigningKey(db(), row({ kid: `a${kid}` }))
    await insertSigningKey(db(), row({ kid: `A${kid}` }))
    assert.equal(await moveSigningKey(db(), `A${kid}`, 'next', { state: 'removed' }), true)
    assert.deepEqual(
      (await listed()).filter((each) => each.kid.slice(1) === kid).map((each) => each.kid),
      [`a${kid}`],
    )
  })

  it('moves a key on only from the state it is in', async () => {
    const [key, other] = [row({ state: 'active', created_at: 40 }), row({ state: 'active', created_at: 41 })]
    await insertSigningKey(db(), key)
    await insertSigningKey(db(), other)
    const step = { state: 'retiring', retired_at: 50 } as const
    assert.equal(await moveSigningKey(db(), key.kid, 'next', step), false)
    assert.equal(await moveSigningKey(db(), key.kid, 'active', step), true)
    assert.equal(await moveSigningKey(db(), key.kid, 'active', step), false)
    const after = await listed()
    assert.deepEqual(
      after.filter(({ created_at }) => created_at >= 40),
      [{ ...key, ...step }, other],
    )
  })

  it('takes a private half that was sealed anew only in place of the very one it was made of', async () => {
    const [key, other] = [row({ created_at: 45 }), row({ created_at: 46 })]
    other.sealed_private = key.sealed_private
    for (const each of [key, other]) await insertSigningKey(db(), each)
    const [first, second] = [randomBytes(200), randomBytes(200)]
    assert.equal(await resealSigningKey(db(), key.kid, key.sealed_private, first), true)
    // Somebody who read it before that was slower.
    assert.equal(await resealSigningKey(db(), key.kid, key.sealed_private, second), false)
    assert.deepEqual((await findSigningKey(db(), key.kid))!.sealed_private, first)
    assert.deepEqual((await findSigningKey(db(), other.kid))!.sealed_private, key.sealed_private)
  })

  it('keeps a revoked key when others go, and knows since when', async () => {
    const [gone, revoked] = [row({ retired_at: 5 }), row({ retired_at: 5 })]
    for (const key of [gone, revoked]) {
      await insertSigningKey(db(), key)
      await moveSigningKey(db(), key.kid, 'next', { state: 'removed' })
    }
    await markRevoked(db(), revoked.kid, 60)
    await markRevoked(db(), revoked.kid, 70)
    assert.deepEqual(
      (await listRemovedKeys(db(), 6, 10)).map(({ id }) => id),
      [gone.kid],
    )
    assert.deepEqual(await listRemovedKeys(db(), 5, 10), [])
    assert.equal(await deleteRemovedKeys(db(), [gone.kid, revoked.kid]), 1)
    assert.equal(await findSigningKey(db(), gone.kid), undefined)
    assert.equal((await findSigningKey(db(), revoked.kid))!.revoked_at, 60)
  })
})
