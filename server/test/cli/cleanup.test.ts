import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { command as cleanup } from '../../src/cli/cleanup.ts'
import { exitCodes } from '../../src/cli/exit-codes.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { releaseLease, takeLease } from '../../src/database/lease.ts'
import { newId } from '../../src/random.ts'
import { onEachDatabase } from '../support/databases.ts'
import { sessionRow } from '../support/rows.ts'
import { runCommand } from '../support/run-command.ts'
import { startTestServer, type TestServer, testMasterKey } from '../support/server.ts'

const day = 24 * 60 * 60 * 1000

onEachDatabase((_name, url) => {
  describe('ntt-auth cleanup', () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'ntt-auth-cleanup-'))
    let server: TestServer
    before(async () => {
      server = await startTestServer(url())
    })
    after(async () => {
      await server.close()
      rmSync(dataDir, { recursive: true, force: true })
    })

    const run = (...args: string[]) =>
      runCommand(cleanup, args, {
        NTT_AUTH_DATA_DIR: dataDir,
        NTT_AUTH_MASTER_KEY: testMasterKey,
        NTT_AUTH_DATABASE_URL: url(),
      })
    const status = async () => JSON.parse((await run('status', '--json')).stdout)
    const ofSessions = async () => (await status()).tables.find(({ table }: { table: string }) => table === 'sessions')
    const db = () => server.app.database.db
    const sessions = async () => (await db().selectFrom('sessions').select('id').execute()).length
    const addSessions = async (count: number, absolute_expires_at: number) => {
      const rows = Array.from({ length: count }, () => sessionRow({ id: newId(Date.now()), absolute_expires_at }))
      await db().insertInto('sessions').values(rows).execute()
    }

    it('says what is due and that it was never done, and removes nothing by looking', async () => {
      const due = Date.now() - 3 * day
      await addSessions(5, due)
      await addSessions(2, Date.now() + day)
      assert.equal((await status()).last_run_at, null)
      const due_since = new Date(due + day).toISOString()
      assert.deepEqual(await ofSessions(), { table: 'sessions', due: 5, due_or_more: false, due_since })
      const { code, stdout } = await run('status')
      assert.equal(code, exitCodes.ok)
      assert.match(stdout, /^No cleanup has been done yet\.\n/)
      assert.ok(stdout.includes(`5 due, the oldest since ${due_since}`))
      assert.match(stdout, /^outbox +nothing is due$/m)
      assert.equal(await sessions(), 7)
    })

    it('leaves the work to whoever is at it', async () => {
      const lease = await takeLease(server.app.database, {
        name: 'sweep',
        owner: 'x',
        now: Date.now(),
        duration: 60_000,
      })
      const { code, stdout, stderr } = await run('run')
      assert.deepEqual([code, stdout], [exitCodes.failed, ''])
      assert.match(stderr, /^Another process is cleaning up right now/)
      assert.equal(await sessions(), 7)
      assert.equal((await status()).last_run_at, null)
      await releaseLease(server.app.database, lease!)
    })

    it('removes what is due, tells how far it is, and says when that was', async () => {
      await addSessions(300, Date.now() - 2 * day)
      const began = Date.now()
      const { code, stdout, stderr } = await run('run', '--json')
      assert.equal(code, exitCodes.ok)
      const { removed, total } = JSON.parse(stdout)
      assert.deepEqual([removed.sessions, removed.outbox, total], [305, 0, 305])
      assert.match(stderr, /^sessions: 305 removed$/m)
      assert.equal(await sessions(), 2)
      assert.equal((await ofSessions()).due, 0)
      const { last_run_at } = await status()
      assert.ok(Date.parse(last_run_at) > began - 60_000 && Date.parse(last_run_at) < began + 60_000)
      assert.match((await run('status')).stdout, /^The last cleanup was done at 2\d{3}-/)
      assert.equal((await run('run')).stdout, 'Removed 0 rows.\n')
    })

    it('is called by one of two words', async () => {
      for (const args of [[], ['frobnicate'], ['run', 'now'], ['--json']])
        await assert.rejects(run(...args), UsageError)
    })
  })
})
