import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { command } from '../../src/cli/audit.ts'
import { command as keys } from '../../src/cli/keys.ts'
import { type Database, openDatabase } from '../../src/database/connect.ts'
import type { AuditLineRow } from '../../src/database/schema.ts'
import { checkpointFile } from '../../src/domain/audit/checkpoint-file.ts'
import { hashOfLine } from '../../src/domain/audit/line.ts'
import { makeCheckpoint } from '../../src/flows/make-checkpoint.ts'
import { randomToken } from '../../src/random.ts'
import { asBuilt } from '../support/as-built.ts'
import { onEachDatabase } from '../support/databases.ts'
import { quickDirectory } from '../support/quick-directory.ts'
import { runCommand } from '../support/run-command.ts'
import { goodPassword, registerSomebody, startTestServer, testMasterKey } from '../support/server.ts'

const program = fileURLToPath(new URL('../../bin/ntt-auth.js', import.meta.url))
const tables = ['audit_lines', 'audit_writers', 'audit_persons', 'audit_checkpoints'] as const

/** What is in the tables, as long as a server is not running. */
type Log = { database: Database; lines: AuditLineRow[] }

type Manipulation = {
  title: string
  /** Nothing in the database shows it. */
  needsCopy?: true
  plant(log: Log): Promise<unknown>
  sentences: RegExp[]
}

const change = ({ database, lines }: Log, seq: number, to: Partial<AuditLineRow>) =>
  database.db.updateTable('audit_lines').set(to).where('writer', '=', lines[0]!.writer).where('seq', '=', seq).execute()
const cut = ({ database }: Log, above: number) =>
  database.db.deleteFrom('audit_lines').where('seq', '>', above).execute()

const hashAnew = async (log: Log) => {
  let hash: Buffer | null = null
  for (const line of log.lines.slice(2)) {
    const edited = { ...line, ...(hash ? { prev_hash: hash } : { reason: 'another reason' }) }
    hash = hashOfLine(edited)
    await change(log, line.seq, { ...edited, hash })
  }
}

const manipulations: Manipulation[] = [
  {
    title: 'a line that was edited',
    plant: (log) => change(log, 3, { reason: 'another reason' }),
    sentences: [/^EDITED: Line 3 of writer \S+ was edited: it does not fit its own hash\.$/],
  },
  {
    title: 'a line that was edited and hashed anew with all that follow',
    plant: hashAnew,
    sentences: [
      /^EDITED: Line \d+ of writer \S+ was edited, or a line before it was, .*: checkpoint 2 of \S+ signed something else\.$/,
    ],
  },
  {
    title: 'lines that were deleted',
    plant: ({ database }) => database.db.deleteFrom('audit_lines').where('seq', 'in', [3, 4]).execute(),
    sentences: [/^MISSING: Lines 3 to 4 of writer \S+ are missing\.$/],
  },
  {
    title: 'lines that changed places',
    async plant(log) {
      await change(log, 2, { seq: 1000 })
      await change(log, 4, { seq: 2 })
      await change(log, 1000, { seq: 4 })
    },
    sentences: [
      /^REORDERED: Line 2 of writer \S+ stands where it was not written: line 2 was line 4\.$/,
      /^REORDERED: Line 4 of writer \S+ stands where it was not written: line 4 was line 2\.$/,
    ],
  },
  {
    title: 'lines that were cut off',
    plant: (log) => cut(log, 4),
    sentences: [/^TRUNCATED: Lines 5 to \d+ of writer \S+ are missing at the end: checkpoint 2 of \S+ signed them\.$/],
  },
  {
    title: 'lines that were cut off with every trace of them in the database',
    needsCopy: true,
    async plant(log) {
      const { db } = log.database
      const [first] = await db.selectFrom('audit_checkpoints').selectAll().where('number', '=', 1).execute()
      const [[, signed]] = JSON.parse(first!.body).heads
      await cut(log, signed)
      await db.deleteFrom('audit_checkpoints').where('number', '=', 2).execute()
      await db.updateTable('audit_writers').set({ covered_seq: signed }).execute()
    },
    sentences: [
      /^TRUNCATED: Checkpoint 2 is missing at the end: \S+ has it, it was made at \S+\.$/,
      /^TRUNCATED: Lines \d+ to \d+ of writer \S+ are missing at the end: checkpoint 2 of \S+ signed them\.$/,
    ],
  },
  {
    title: 'lines that were edited and hashed anew after every checkpoint was deleted',
    needsCopy: true,
    async plant(log) {
      await log.database.db.deleteFrom('audit_checkpoints').execute()
      await log.database.db.updateTable('audit_writers').set({ covered_seq: 0 }).execute()
      await hashAnew(log)
    },
    sentences: [
      /^TRUNCATED: Checkpoints 1 to 2 are missing at the end: \S+ has them, the last of them was made at \S+\.$/,
      /^EDITED: Line \d+ of writer \S+ was edited, or a line before it was, .*: checkpoint 2 of \S+ signed something else\.$/,
    ],
  },
]

onEachDatabase((_name, url) => {
  describe('ntt-auth audit verify', () => {
    let dataDir: string
    let database: Database
    let written: Record<string, object[]>
    let person: Awaited<ReturnType<typeof registerSomebody>>
    const copy = () => checkpointFile(dataDir)

    const env = () => ({
      NTT_AUTH_DATABASE_URL: url(),
      NTT_AUTH_DATA_DIR: dataDir,
      NTT_AUTH_MASTER_KEY: testMasterKey,
    })
    /** As an operator calls it: a process of its own. */
    const verify = (...args: string[]) =>
      new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
        const options = { env: { ...asBuilt, PATH: process.env.PATH, ...env() } }
        execFile(process.execPath, [program, 'audit', 'verify', ...args], options, (error, stdout, stderr) =>
          resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
        )
      })
    /** The same in this process, which is quicker. */
    const judge = (...args: string[]) => runCommand(command, ['verify', ...args], env())
    /** Where there is no copy. */
    const judgeElsewhere = () =>
      runCommand(command, ['verify'], { ...env(), NTT_AUTH_DATA_DIR: mkdtempSync(join(dataDir, 'elsewhere-')) })
    const findings = (stdout: string) => stdout.split('\n').filter((line) => /^[A-Z ]+: /.test(line))
    const putBack = async () => {
      for (const table of tables) {
        await database.db.deleteFrom(table).execute()
        for (const row of written[table]!) {
          await database.db
            .insertInto(table)
            .values(row as never)
            .execute()
        }
      }
    }
    const lines = () => database.db.selectFrom('audit_lines').selectAll().orderBy('seq').execute()
    before(async () => {
      dataDir = mkdtempSync(join(quickDirectory(), 'ntt-auth-manipulations-'))
      const server = await startTestServer(url(), { dataDir })
      person = await registerSomebody(server)
      for (let login = 0; login < 6; login++) {
        await server.call('POST', '/v1/auth/login', { body: { email: person.email, password: goodPassword } })
        if (login === 2) await makeCheckpoint(server.app)
      }
      // An orderly stop signs the rest.
      await server.close()
      database = await openDatabase({ url: url(), poolSize: 1 })
      written = Object.fromEntries(
        await Promise.all(
          tables.map(async (table) => [table, await database.db.selectFrom(table).selectAll().execute()]),
        ),
      )
    })
    after(async () => {
      await database?.close()
      rmSync(dataDir, { recursive: true, force: true })
    })

    it('exits with 0 and says so where the log is what was written', async () => {
      for (const { code, stdout } of [await judge(), await verify('--checkpoints', copy())]) {
        assert.equal(code, 0, stdout)
        assert.match(
          stdout,
          /^\d+ lines in 1 chains, 2 checkpoints\..*; 0 lines are newer\.\nThe log is what was written\.\n$/s,
        )
      }
    })

    for (const { title, plant, sentences, needsCopy } of manipulations) {
      it(`finds ${title}, exits with 6 and says which`, async () => {
        await plant({ database, lines: await lines() })
        try {
          const alone = await judgeElsewhere()
          assert.equal(alone.code, needsCopy ? 0 : 6, alone.stdout)
          assert.match(alone.stdout, /\nNo copy of the checkpoints was there to compare with: /)
          // The copy in the data directory is read unasked, and once.
          for (const { code, stdout } of [await verify('--checkpoints', copy()), await judge()]) {
            assert.equal(code, 6, stdout)
            const found = findings(stdout)
            for (const [index, sentence] of sentences.entries()) assert.match(found[index] ?? '', sentence)
            assert.equal(found.length, sentences.length, stdout)
            assert.match(stdout, /\nCompared with \S+audit-checkpoints\.ndjson\.\n/)
            assert.match(stdout, /\nThe log is NOT what was written\.\n$/)
          }
        } finally {
          await putBack()
        }
        assert.equal((await judge('--checkpoints', copy())).code, 0)
      })
    }

    it('exits with 7 where the master key that signed is not given, and with 6 where lines are gone all the same', async () => {
      const fresh = randomToken(32)
      const reseal = async (masterKeys: string, ...flags: string[]) => {
        const { code } = await runCommand(keys, ['reseal', ...flags], { ...env(), NTT_AUTH_MASTER_KEY: masterKeys })
        assert.equal(code, 0)
      }
      const judgeByAnother = () => runCommand(command, ['verify'], { ...env(), NTT_AUTH_MASTER_KEY: fresh })
      await reseal(`${fresh},${testMasterKey}`)
      const { code, stdout } = await judgeByAnother()
      assert.equal(code, 7, stdout)
      assert.match(
        stdout,
        /\nThere is no checkpoint that counts\.\nUNKNOWN KEY: Checkpoints 1 to 2 were signed by the key /,
      )
      assert.match(stdout, / cannot be said without that key\.\n$/)
      assert.equal(findings(stdout).length, 1, stdout)
      await cut({ database, lines: await lines() }, 4)
      const truncated = await judgeByAnother()
      await reseal(`${testMasterKey},${fresh}`, '--to-older')
      await putBack()
      assert.equal(truncated.code, 6, truncated.stdout)
      assert.match(
        truncated.stdout,
        /\nTRUNCATED: Lines 5 to \d+ of writer \S+ are missing at the end: .*\nThe log is NOT /s,
      )
    })

    it('does not call a log whole about which nothing was signed', async () => {
      await database.db.deleteFrom('audit_checkpoints').execute()
      await database.db.updateTable('audit_writers').set({ covered_seq: 0 }).execute()
      const { code, stdout } = await judgeElsewhere()
      await putBack()
      assert.equal(code, 0, stdout)
      assert.match(stdout, /\nThe lines fit each other, but nothing was signed about them: more cannot be said\.\n$/)
    })

    it('exits with 0 after a person was erased, and finds an edit of its lines all the same', async () => {
      const server = await startTestServer(url(), { dataDir })
      const { email, password } = person
      const login = await server.call('POST', '/v1/auth/login', { body: { email, password } })
      const token = login.body.access_token
      assert.equal((await server.call('DELETE', '/v1/users/me', { token, body: { password } })).status, 204)
      await server.close()
      const { code, stdout } = await verify('--checkpoints', copy())
      assert.equal(code, 0, stdout)
      const [erased] = await database.db.selectFrom('audit_persons').selectAll().execute()
      assert.deepEqual([erased!.user_id, erased!.secret], [person.user.id, null])
      await change({ database, lines: await lines() }, 4, { user_sealed: null })
      assert.match(findings((await judge()).stdout).join(), /^EDITED: Line 4 of writer \S+ was edited/)
    })
  })
})
