import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { listSigningKeys } from '../../src/domain/keys/store.ts'
import { KeysMoved } from '../../src/domain/keys/take-step.ts'
import type { AppError } from '../../src/errors.ts'
import { operatorAct, systemAct } from '../../src/flows/acting.ts'
import { importKey } from '../../src/flows/import-key.ts'
import { reapplyEnds } from '../../src/flows/reapply-ends.ts'
import { repeatWhenMoved } from '../../src/flows/repeat-when-moved.ts'
import { revokeKey } from '../../src/flows/revoke-key.ts'
import { administrator, describeQuickFlow, minute, problem, validate } from '../flows/flow-server.ts'
import { registerSomebody, type TestServer } from '../support/server.ts'

const newPem = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
const statesOf = async (server: TestServer) => (await listSigningKeys(server.app.database.db)).map(({ state }) => state)
const activeOf = async (server: TestServer) =>
  (await listSigningKeys(server.app.database.db)).filter(({ state }) => state === 'active')

describeQuickFlow('keys changed by several at the same moment', (flow) => {
  it('of many who ask for the next key one gets it: the others would bring one that verifiers have not met', async () => {
    const other = await flow.start()
    try {
      const nodes = [flow.server, other]
      for (let round = 0; round < 3; round++) {
        flow.server.clock.advance(11 * minute)
        const { token } = await administrator(flow.server)
        const [next] = (await listSigningKeys(other.app.database.db)).filter(({ state }) => state === 'next')
        const rotate = (_: unknown, index: number) =>
          nodes[index % 2]!.call('POST', '/v1/admin/keys/rotate', { token, body: {} })
        const answers = await Promise.all(Array.from({ length: 8 }, rotate))
        assert.deepEqual(answers.map(problem).sort(), [
          '200 ',
          ...Array.from({ length: 7 }, () => '409 rotation_too_soon'),
        ])
        assert.deepEqual(
          (await activeOf(other)).map(({ kid }) => kid),
          [next!.kid],
        )
      }
    } finally {
      await other.close()
    }
  })

  it('sixteen who say "now" on two nodes all get an answer, and none of it is a mistake of the server', async () => {
    const other = await flow.start()
    try {
      const { token } = await administrator(flow.server)
      const rotate = (_: unknown, index: number) =>
        [flow.server, other][index % 2]!.call('POST', '/v1/admin/keys/rotate', { token, body: { now: true } })
      const answers = await Promise.all(Array.from({ length: 16 }, rotate))
      for (const answer of answers) assert.match(problem(answer), /^(200 |503 (unavailable|overloaded))$/)
      assert.ok(answers.some(({ status }) => status === 200))
      const unavailable = answers.filter(({ status }) => status === 503)
      for (const { headers } of unavailable) assert.equal(headers.get('retry-after'), '1')
      assert.equal((await activeOf(other)).length, 1)
    } finally {
      await other.close()
    }
  })

  it('keys that are imported at once are all taken in, and one of them is the next', async () => {
    const other = await flow.start()
    try {
      const imports = Array.from({ length: 6 }, (_, index) =>
        importKey([flow.server, other][index % 2]!.app, operatorAct, newPem(), false),
      )
      const kids = (await Promise.all(imports)).map(({ kid }) => kid)
      const waiting = (await listSigningKeys(other.app.database.db)).filter(({ state }) => state === 'next')
      assert.ok(waiting.length > 0 && waiting.every(({ kid }) => kids.includes(kid)))
    } finally {
      await other.close()
    }
  })

  it('what others are faster at every time is answered with "try again", not with their key', async () => {
    let tries = 0
    const never = repeatWhenMoved(async () => {
      tries++
      throw new KeysMoved('the key of somebody else')
    })
    await assert.rejects(never, (error: AppError) => error.code === 'unavailable' && error.details.retryAfter === 1)
    assert.ok(tries > 16, `${tries} tries`)
    await assert.rejects(
      repeatWhenMoved(() => Promise.reject(new Error('something else'))),
      /^Error: something else$/,
    )
  })

  it('workers that start together after a restore all take the revoked key away again, and start', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'ntt-auth-restored-together-'))
    const node = await flow.start({ dataDir })
    const { db } = flow.server.app.database
    const workers: TestServer[] = []
    try {
      const one = await registerSomebody(node)
      const [active] = await activeOf(node)
      const backup = await listSigningKeys(db)
      await revokeKey(node.app, systemAct, active!.kid)
      await node.close()
      for (let index = 0; index < 4; index++) workers.push(await flow.start({ dataDir }))
      for (let round = 0; round < 3; round++) {
        await db.deleteFrom('signing_keys').execute()
        await db.insertInto('signing_keys').values(backup).execute()
        await db.deleteFrom('revocations').where('kind', '=', 'key').execute()
        await Promise.all(workers.map(({ app }) => reapplyEnds(app)))
        assert.equal((await statesOf(flow.server)).filter((state) => state === 'active').length, 1)
        assert.notEqual((await activeOf(flow.server))[0]!.kid, active!.kid)
      }
      for (const worker of workers) {
        await worker.app.keys.read()
        assert.match(problem(await validate(worker, one.access_token)), /^401 (token_revoked|invalid_token)$/)
      }
    } finally {
      for (const worker of workers) await worker.close()
      rmSync(dataDir, { recursive: true, force: true })
      await flow.server.app.keys.read()
    }
  })
})
