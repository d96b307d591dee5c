import assert from 'node:assert/strict'
import { it } from 'node:test'
import { inTransaction } from '../../src/database/transaction.ts'
import {
  deleteSecretRow,
  deleteSecretsOfService,
  deleteServiceRows,
  expireServiceSecrets,
  findServiceRow,
  findServiceWithSecrets,
  insertService,
  insertServiceSecret,
  listLivingSecrets,
  listSecretRows,
  listServiceRows,
  noteSecretUse,
  type ServiceSecretRow,
  takeServiceRow,
  updateServiceRow,
} from '../../src/domain/services/store.ts'
import { newId } from '../../src/random.ts'
import { describeStore } from './fresh-stores.ts'

describeStore('the services store', (database) => {
  const db = () => database().db
  const admit = async (name = 'billing') => {
    const id = newId(1)
    const row = { id, client_id: `svc_${id}`, name, scopes: '["introspect"]', created_at: 5, updated_at: null }
    await insertService(db(), row)
    return row
  }
  const give = async (service_id: string, changes: Partial<ServiceSecretRow> = {}) => {
    const row = {
      id: newId(1),
      service_id,
      hash: Buffer.alloc(32, 7),
      created_at: 5,
      expires_at: null,
      last_used_at: null,
    }
    await insertServiceSecret(db(), { ...row, ...changes })
    return { ...row, ...changes }
  }
  const plain = <T extends object>(rows: T[]) => rows.map((row) => ({ ...row }))

  it('finds a service by its id and by its client id, and no other', async () => {
    const service = await admit()
    assert.deepEqual({ ...(await findServiceRow(db(), service.id)) }, service)
    assert.deepEqual({ ...(await findServiceRow(db(), service.client_id)) }, service)
    assert.equal(await findServiceRow(db(), service.client_id.toUpperCase()), undefined)
  })

  it('lists services by id, in pages', async () => {
    const ids = [await admit(), await admit(), await admit()].map(({ id }) => id).sort()
    const all = (await listServiceRows(db(), 100)).map(({ id }) => id)
    assert.deepEqual(all, all.toSorted())
    assert.deepEqual(
      (await listServiceRows(db(), 2, ids[0]!)).map(({ id }) => id),
      all.slice(all.indexOf(ids[0]!) + 1).slice(0, 2),
    )
  })

  it('changes one service, and tells whether it was there', async () => {
    const [one, other] = [await admit(), await admit()]
    assert.equal(await updateServiceRow(db(), one.id, { name: 'books', updated_at: 9 }), true)
    assert.equal(await updateServiceRow(db(), newId(1), { name: 'books' }), false)
    assert.equal((await findServiceRow(db(), one.id))!.name, 'books')
    assert.equal((await findServiceRow(db(), other.id))!.name, 'billing')
  })

  it('takes a secret for alive up to the millisecond at which it expires', async () => {
    const service = await admit()
    const [ever, until] = [await give(service.id), await give(service.id, { expires_at: 100 })]
    for (const [now, alive] of [
      [99, [ever.id, until.id]],
      [100, [ever.id]],
    ] as const) {
      const sorted = alive.toSorted()
      assert.deepEqual(
        (await listSecretRows(db(), [service.id], now)).map(({ id }) => id),
        sorted,
      )
      assert.deepEqual(
        (await findServiceWithSecrets(db(), service.client_id, now)).map((row) => row.secret_id).sort(),
        sorted,
      )
      assert.deepEqual((await listLivingSecrets(db(), [ever.id, until.id], now)).map(({ id }) => id).sort(), sorted)
    }
    assert.deepEqual(await listSecretRows(db(), [], 1), [])
    assert.deepEqual(await listLivingSecrets(db(), [], 1), [])
  })

  it('takes a service by either of its ids, which changes nothing, and none that is not there', async () => {
    const service = await admit()
    for (const id of [service.id, service.client_id]) {
      assert.equal(await inTransaction(database(), (tx) => takeServiceRow(tx, id)), true)
    }
    assert.equal(await inTransaction(database(), (tx) => takeServiceRow(tx, newId(1))), false)
    assert.deepEqual({ ...(await findServiceRow(db(), service.id)) }, service)
  })

  it('lets secrets expire earlier, never later', async () => {
    const service = await admit()
    const [ever, soon] = [await give(service.id), await give(service.id, { expires_at: 50 })]
    const other = await give((await admit()).id)
    await expireServiceSecrets(db(), service.id, 100)
    const rows = new Map((await listSecretRows(db(), [service.id, other.service_id], 0)).map((row) => [row.id, row]))
    assert.deepEqual(
      [ever, soon, other].map(({ id }) => rows.get(id)!.expires_at),
      [100, 50, null],
    )
  })

  it('deletes the secrets of one service, alive or not', async () => {
    const service = await admit()
    await give(service.id)
    await give(service.id, { expires_at: 50 })
    const other = await give((await admit()).id)
    await deleteSecretsOfService(db(), service.id)
    const left = await listSecretRows(db(), [service.id, other.service_id], 0)
    assert.deepEqual(
      left.map(({ id }) => id),
      [other.id],
    )
  })

  it('notes a use where the last one is old enough', async () => {
    const secret = await give((await admit()).id)
    const noted = async () => (await listSecretRows(db(), [secret.service_id], 0))[0]!.last_used_at
    await noteSecretUse(db(), secret.id, 1000, 940)
    assert.equal(await noted(), 1000)
    await noteSecretUse(db(), secret.id, 1030, 970)
    assert.equal(await noted(), 1000)
    await noteSecretUse(db(), secret.id, 1061, 1001)
    assert.equal(await noted(), 1061)
  })

  it('deletes a secret of that service only, and a service with all of its secrets', async () => {
    const [one, other] = [await admit(), await admit()]
    const [first, second, others] = [await give(one.id), await give(one.id), await give(other.id)]
    assert.equal(await deleteSecretRow(db(), one.id, others.id), false)
    assert.equal(await deleteSecretRow(db(), one.id, first.id), true)
    assert.equal(await deleteSecretRow(db(), one.id, first.id), false)
    await deleteServiceRows(db(), one.id)
    assert.equal(await findServiceRow(db(), one.id), undefined)
    assert.deepEqual(plain(await listSecretRows(db(), [one.id, other.id], 0)), [others])
    assert.ok(second)
  })
})
