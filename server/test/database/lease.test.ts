import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../src/clock.ts'
import { type Database, openDatabase } from '../../src/database/connect.ts'
import { releaseLease, renewLease, takeLease, withLease } from '../../src/database/lease.ts'
import { onEachDatabase } from '../support/databases.ts'

onEachDatabase((_name, url) => {
  let database: Database

  before(async () => {
    database = await openDatabase({ url: url() })
  })
  after(() => database.close())

  const take = (name: string, owner: string, now: number) => takeLease(database, { name, owner, now, duration: 100 })

  it('is held by one at a time, until it expires', async () => {
    assert.deepEqual(await take('a', 'one', 1000), { name: 'a', owner: 'one', fence: 1 })
    assert.equal(await take('a', 'two', 1099), null)
    assert.deepEqual(await take('a', 'two', 1100), { name: 'a', owner: 'two', fence: 2 })
  })

  it('goes to one of many who want it at once', async () => {
    for (const now of [1000, 2000]) {
      const taken = await Promise.all(Array.from({ length: 8 }, (_, index) => take('b', `owner ${index}`, now)))
      assert.equal(taken.filter((lease) => lease !== null).length, 1)
    }
  })

  it('is renewed and given back by its holder only', async () => {
    const lease = (await take('c', 'one', 1000))!
    assert.equal(await renewLease(database, lease, 1500), true)
    assert.equal(await take('c', 'two', 1400), null)
    const next = (await take('c', 'two', 1500))!
    assert.equal(await renewLease(database, lease, 9000), false)
    await releaseLease(database, lease)
    assert.equal(await take('c', 'three', 1550), null)
    await releaseLease(database, next)
    assert.equal((await take('c', 'three', 1550))!.fence, 3)
  })

  it('is not taken from a holder who renews it between the look and the taking', async () => {
    const lease = (await take('e', 'one', 1000))!
    const { db } = database
    const read = async () => {
      const row = await db.selectFrom('leases').selectAll().where('name', '=', 'e').executeTakeFirst()
      assert.equal(await renewLease(database, lease, 1300), true)
      return row
    }
    const slowly = { selectAll: () => ({ where: () => ({ executeTakeFirst: read }) }) }
    const look = (target: typeof db, name: keyof typeof db) =>
      name === 'selectFrom' ? () => slowly : target[name as 'updateTable'].bind(target)
    const late = { ...database, db: new Proxy(db, { get: look as never }) }
    assert.equal(await takeLease(late, { name: 'e', owner: 'two', now: 1200, duration: 100 }), null)
    assert.equal(await renewLease(database, lease, 1400), true)
  })

  it('is not renewed in the name of another, though it counts as many tenures', async () => {
    const lease = (await take('f', 'one', 1000))!
    assert.equal(await renewLease(database, { ...lease, owner: 'two' }, 9000), false)
    assert.equal(await renewLease(database, { ...lease, fence: 2 }, 9000), false)
    assert.ok(await take('f', 'three', 1100))
  })

  it('is held, renewed and given back around a piece of work', async () => {
    const options = { name: 'd', clock: systemClock, duration: 900 }
    const order: string[] = []
    const entered = Promise.withResolvers<void>()
    await Promise.all([
      withLease(database, options, async (stillHeld) => {
        order.push('first in')
        entered.resolve()
        await delay(1500)
        await stillHeld()
        order.push('first out')
      }),
      entered.promise.then(() => withLease(database, options, async () => order.push('second in'))),
    ])
    assert.deepEqual(order, ['first in', 'first out', 'second in'])
    await assert.rejects(
      withLease(database, options, () => Promise.reject(new Error('mistake'))),
      /mistake/,
    )
    assert.equal(await withLease(database, { ...options, patience: 0 }, async () => 'free again'), 'free again')
  })
})
