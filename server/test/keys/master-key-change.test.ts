import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import type { App } from '../../src/app.ts'
import { command } from '../../src/cli/keys.ts'
import { openPrivateKey } from '../../src/domain/keys/keyring.ts'
import { isSealedByFirst } from '../../src/domain/keys/seal.ts'
import { listSigningKeys, type SigningKeyRow } from '../../src/domain/keys/store.ts'
import { systemAct } from '../../src/flows/acting.ts'
import { makeCheckpoint } from '../../src/flows/make-checkpoint.ts'
import { resealKeys } from '../../src/flows/tend-keys.ts'
import { randomToken } from '../../src/random.ts'
import { describeFlow, logIn, validate } from '../flows/flow-server.ts'
import { runCommand } from '../support/run-command.ts'
import { registerSomebody, type TestServer, testMasterKey } from '../support/server.ts'

const program = join(import.meta.dirname, '../support/reseal-until-killed.ts')
const newMasterKey = randomToken(32)
const [former, latter] = [testMasterKey, newMasterKey].map((text) => Buffer.from(text, 'base64url')) as [Buffer, Buffer]

/** As the chore of a server does, which goes by its settings. */
const resealAsServer = (app: App) => resealKeys(app, systemAct, { toOlder: true })

describeFlow('a change of the master key while another node runs', (flow) => {
  /** Has heard of the new key, and seals by the old one still. */
  let running: TestServer
  let email: string
  let sealed: SigningKeyRow[]

  before(async () => {
    running = await flow.start({ settings: { MASTER_KEY: `${testMasterKey},${newMasterKey}` } })
    email = (await registerSomebody(running)).email
    sealed = await listSigningKeys(running.app.database.db)
  })
  after(() => running?.close())

  /** @returns what it said: how many statements it took; null when it was killed */
  const reseal = (killedAfter: number) =>
    new Promise<number | null>((resolve, reject) => {
      const env = {
        PATH: process.env.PATH,
        NTT_AUTH_DATABASE_URL: flow.url,
        NTT_AUTH_DATA_DIR: join(flow.dataDir, 'resealing'),
        NTT_AUTH_MASTER_KEY: `${newMasterKey},${testMasterKey}`,
      }
      execFile(process.execPath, [program, String(killedAfter)], { env }, (error, stdout) => {
        if (error && error.signal !== 'SIGKILL') reject(error)
        else resolve(error ? null : Number(stdout))
      })
    })
  const rows = () => listSigningKeys(running.app.database.db)
  const lines = async () => {
    const query = running.app.database.db.selectFrom('audit_lines').select('event')
    return (await query.where('event', '=', 'signing_keys_resealed').execute()).length
  }
  const putBack = async () => {
    for (const { kid, sealed_private } of sealed) {
      const update = running.app.database.db.updateTable('signing_keys').set({ sealed_private })
      await update.where('kid', '=', kid).execute()
    }
  }
  /** Every key opens under both orders of the list, and the other node goes on signing what all take. */
  const assertUsable = async (what: string) => {
    for (const row of await rows()) {
      for (const keys of [
        [former, latter],
        [latter, former],
      ])
        openPrivateKey(row, keys)
    }
    await running.app.keys.read()
    const { access_token } = (await logIn(running, email)).body
    assert.equal((await validate(running, access_token)).status, 200, what)
  }

  it('seals every key or none, and says so in the audit log, wherever it is killed', async () => {
    assert.equal(sealed.length, 2)
    const statements = (await reseal(0))!
    assert.ok(statements >= 5, `${statements} statements`)
    // Through all of it where a start costs least; on the others once between the two keys.
    const every = Array.from({ length: statements }, (_, index) => statements - index).filter(
      (_, index) => index % 2 === 0,
    )
    const points = flow.name === 'SQLite' ? every : [4]
    const ends = new Set<string>()
    for (const point of points) {
      await putBack()
      const written = await lines()
      assert.equal(await reseal(point), null)
      await assertUsable(`killed after ${point}`)
      const done = (await rows()).filter(({ sealed_private }) => isSealedByFirst([latter], sealed_private)).length
      assert.ok(done === 0 || done === sealed.length, `${done} of ${sealed.length} after ${point}`)
      assert.equal((await lines()) - written, done === 0 ? 0 : 1, `after ${point}`)
      ends.add(done === 0 ? 'none' : 'all')
    }
    assert.deepEqual([...ends].sort(), flow.name === 'SQLite' ? ['all', 'none'] : ['none'])
  })

  it('lets nodes that seal by different keys run beside each other, and comes to an end when all have the new one', async () => {
    await putBack()
    // Each takes what the other sealed for something to be sealed anew.
    for (let round = 0; round < 2; round++) {
      const both = await flow.start({ settings: { MASTER_KEY: `${newMasterKey},${testMasterKey}` } })
      try {
        await Promise.all([resealAsServer(running.app), resealAsServer(both.app)])
        await assertUsable(`round ${round}`)
        await resealAsServer(both.app)
      } finally {
        await both.close()
      }
    }
    const alone = await flow.start({ settings: { MASTER_KEY: newMasterKey } })
    try {
      assert.equal(await resealAsServer(alone.app), 0)
      const { access_token } = (await logIn(alone, email)).body
      for (const node of [alone, running]) assert.equal((await validate(node, access_token)).status, 200)
    } finally {
      await alone.close()
    }
  })
})

describeFlow('the master keys in the former order on a command line', (flow) => {
  it('refuses by hand to seal by a key that is older than the one that seals now, unless told so', async () => {
    await registerSomebody(flow.server)
    assert.ok(await makeCheckpoint(flow.server.app))
    const newer = await flow.start({ settings: { MASTER_KEY: `${newMasterKey},${testMasterKey}` } })
    const back = (...args: string[]) =>
      runCommand(command, ['reseal', ...args], {
        NTT_AUTH_DATABASE_URL: flow.url,
        NTT_AUTH_DATA_DIR: join(flow.dataDir, 'going-back'),
        NTT_AUTH_MASTER_KEY: `${testMasterKey},${newMasterKey}`,
      })
    const sealedBy = async (key: Buffer) =>
      (await listSigningKeys(flow.server.app.database.db)).filter(({ sealed_private }) =>
        isSealedByFirst([key], sealed_private),
      ).length
    try {
      await resealAsServer(newer.app)
      // Whether the newer key has signed a checkpoint yet or not.
      for (const sign of [false, true]) {
        if (sign) assert.ok(await makeCheckpoint(newer.app))
        const { code, stderr } = await back()
        assert.equal(code, 1)
        assert.match(stderr, /Put the newer one in front \(NTT_AUTH_MASTER_KEY=new,old\).*keys reseal --to-older/)
        assert.deepEqual([await sealedBy(former), await sealedBy(latter)], [0, 2])
      }
      assert.equal((await back('--to-older')).code, 0)
      assert.deepEqual([await sealedBy(former), await sealedBy(latter)], [2, 0])
      assert.equal(await resealKeys(newer.app, systemAct), 2, 'the newer one needs no flag')
    } finally {
      await newer.close()
    }
  })
})
