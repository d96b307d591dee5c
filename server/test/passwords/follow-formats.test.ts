import assert from 'node:assert/strict'
import { after, before, describe, it, mock } from 'node:test'
import { importUsers } from '../../src/flows/import-users.ts'
import { newId } from '../../src/random.ts'
import { freshDatabase } from '../support/databases.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

/** How often a node looks for formats that others have brought. */
const interval = 20_000

describe('formats of password hashes that another node brings', () => {
  let fresh: Awaited<ReturnType<typeof freshDatabase>>
  let importer: TestServer
  let node: TestServer
  /** What the node would do when its time comes, the last set first. */
  const due: (() => Promise<void>)[] = []
  const known: [string, number[]][] = []

  before(async () => {
    fresh = await freshDatabase('SQLite')
    importer = await startTestServer(fresh.url)
    const { setTimeout } = globalThis
    mock.method(globalThis, 'setTimeout', ((run: () => Promise<void>, wait: number, ...more: []) => {
      if (wait === interval) due.unshift(run)
      return setTimeout(run, wait, ...more)
    }) as typeof setTimeout)
    node = await startTestServer(fresh.url, { expectErrors: true })
    const { know } = node.app.hasher
    node.app.hasher.know = (kind, units) => {
      known.push([kind, units])
      know(kind, units)
    }
  })
  after(async () => {
    mock.restoreAll()
    await node?.close()
    await importer?.close()
    await fresh?.drop()
  })

  let people = 0
  const bring = async (hash: string) => {
    const now = importer.clock.now()
    const user = {
      ...{ id: newId(now), email: `of-former-days-${++people}@example.com`, name: null, locale: null, roles: [] },
      ...{ emailVerified: true, metadata: {}, status: 'active' as const },
      ...{ createdAt: now, lastLoginAt: null, deletionDueAt: null },
    }
    const run = { id: newId(now), startedAt: now, isDryRun: false, onConflict: 'fail' as const }
    const [outcome] = await importUsers(importer.app, run, [{ line: 1, user, hash }])
    assert.equal(outcome!.outcome, 'created')
  }
  const dear = '$2b$12$YMK7kB0TEX.jJMK2mDO50uzS5qm81vzCI0DXwKUx6R8EcyLaNxPQG'
  const cheap = '$2b$04$YMK7kB0TEX.jJMK2mDO50uzS5qm81vzCI0DXwKUx6R8EcyLaNxPQG'

  it('are known there when its time comes, so that all refusals take as long, and again each time', async () => {
    assert.equal(due.length, 1, 'it is waiting for its time')
    await bring(dear)
    assert.deepEqual(known, [])
    await due[0]!()
    assert.deepEqual(known, [['bcrypt', [2 ** 12, 2 ** 12]]])
    await bring(cheap)
    assert.equal(due.length, 2, 'it waits for the next time')
    await due[0]!()
    assert.deepEqual(known.at(-1), ['bcrypt', [2 ** 4, 2 ** 12]])
  })

  it('are asked for again after the database could not be read, which the log tells', async () => {
    const waiting = due.length
    const { db } = node.app.database
    const broken = Object.create(db) as typeof db
    broken.selectFrom = () => {
      throw new Error('on purpose')
    }
    Object.assign(node.app.database, { db: broken })
    try {
      await due[0]!()
    } finally {
      Object.assign(node.app.database, { db })
    }
    assert.equal(node.log.filter(({ event }) => event === 'formats_unreadable').length, 1)
    assert.equal(due.length, waiting + 1)
    await due[0]!()
    assert.deepEqual(known.at(-1), ['bcrypt', [2 ** 4, 2 ** 12]])
  })
})
