import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { createApp } from '../src/app.ts'
import { systemClock } from '../src/clock.ts'
import { loadConfig } from '../src/config/config.ts'
import { ConfigError } from '../src/config/config-error.ts'
import { explainPlace } from '../src/config/data-directory.ts'
import { checkSchema } from '../src/database/migrate.ts'
import { createLog } from '../src/log.ts'
import { bringSchema, startApp } from '../src/start.ts'
import { onEachDatabase } from './support/databases.ts'
import { registerSomebody, startTestServer } from './support/server.ts'

onEachDatabase(
  (_name, url) => {
    it('a server brings an empty database to the schema of today', async () => {
      const server = await startTestServer(url())
      assert.equal(await checkSchema(server.app.database), 'current')
      assert.ok(server.log.some(({ msg }) => /^0001-first-tables: step 1 of /.test(String(msg))))
      await registerSomebody(server)
      await server.close()
    })

    it('a server does not start on a schema that a newer version made', async () => {
      const server = await startTestServer(url())
      const unknown = { migration: '9999-from-the-future', step: 0, started_at: 1, finished_at: 1 }
      await server.app.database.db.insertInto('schema_migrations').values(unknown).execute()
      await assert.rejects(startTestServer(url()), /newer than this version/)
      await assert.rejects(bringSchema(server.app), /newer than this version/)
      await server.close()
    })
  },
  { bare: true },
)

describe('a server with a data directory of its own', () => {
  const root = mkdtempSync(join(tmpdir(), 'ntt-auth-start-'))
  after(() => rmSync(root, { recursive: true }))
  const create = (dataDir: string) =>
    createApp(loadConfig({ env: { NTT_AUTH_DATA_DIR: dataDir }, flags: {} }).config, createLog('fatal'), systemClock)

  it('that has lost its master key makes no other one', async () => {
    const dataDir = join(root, 'lost')
    const app = await create(dataDir)
    const stop = await startApp(app)
    stop()
    await app.close()
    const key = join(dataDir, 'master.key')
    renameSync(key, `${key}.away`)
    await assert.rejects(create(dataDir), (error) => {
      assert.ok(error instanceof ConfigError)
      assert.match(error.message, /master\.key.*the master key is not there.*Restore the file/s)
      return true
    })
    assert.equal(existsSync(key), false)
    renameSync(`${key}.away`, key)
    await (await create(dataDir)).close()
  })

  it('makes a key where the database was prepared beforehand', async () => {
    const dataDir = join(root, 'prepared')
    const first = await create(dataDir)
    await bringSchema(first)
    await first.close()
    rmSync(join(dataDir, 'master.key'))
    await (await create(dataDir)).close()
    assert.ok(existsSync(join(dataDir, 'master.key')))
  })

  it('that cannot be written says where, why and what to do', async () => {
    const file = join(root, 'file')
    writeFileSync(file, '')
    await assert.rejects(create(file), (error) => {
      assert.ok(error instanceof ConfigError)
      assert.ok(error.message.includes(file))
      return true
    })
    const blocked = join(root, 'blocked')
    mkdirSync(join(blocked, 'ntt-auth.sqlite'), { recursive: true })
    await assert.rejects(create(blocked), (error) => error instanceof ConfigError || /EISDIR/.test(String(error)))
    const places = { dataDir: '/data', databaseUrl: 'sqlite:/data/ntt-auth.sqlite' }
    for (const [code, words] of [
      ['EROFS', /\/data\/ntt-auth\.sqlite is on a read-only file system \(EROFS\)/],
      ['EACCES', /may not be written by this user/],
    ] as const) {
      const raw = Object.assign(new Error(code), { code, path: '/data/ntt-auth.sqlite' })
      const told = explainPlace(raw, places) as Error
      assert.match(told.message, words)
      assert.match(told.message, /NTT_AUTH_DATA_DIR/)
    }
    const other = new Error('something else')
    assert.equal(explainPlace(other, places), other)
  })

  it('that cannot be opened names the setting that leads there', () => {
    const places = { dataDir: '/data', databaseUrl: 'sqlite:/srv/auth/auth.sqlite' }
    const told = (code: string, path?: string, from = places) => {
      const raw = Object.assign(new Error(code), { code, path })
      const error = explainPlace(raw, from)
      return error === raw ? null : /NTT_AUTH_\w+/.exec((error as Error).message)![0]
    }
    assert.equal(told('EISDIR', '/srv/auth/auth.sqlite'), 'NTT_AUTH_DATABASE_URL')
    assert.equal(told('EISDIR', '/data/journal/ends'), 'NTT_AUTH_DATA_DIR')
    assert.equal(
      told('EISDIR', '/data/auth.sqlite', { ...places, databaseUrl: 'postgres://u@h/d' }),
      'NTT_AUTH_DATA_DIR',
    )
    assert.equal(told('EISDIR', '/elsewhere'), null)
    assert.equal(told('EACCES', '/srv'), 'NTT_AUTH_DATABASE_URL')
    assert.equal(told('ENOENT', '/data'), 'NTT_AUTH_DATA_DIR')
    assert.equal(told('ENOENT', '/elsewhere'), null)
    assert.equal(told('SQLITE_CANTOPEN'), 'NTT_AUTH_DATABASE_URL')
    assert.equal(told('SQLITE_CANTOPEN', undefined, { ...places, databaseUrl: 'sqlite:/data/a' }), 'NTT_AUTH_DATA_DIR')
    const [known] = [new ConfigError([{ name: 'A', source: 'b', problem: 'c', remedy: 'd' }])]
    assert.equal(explainPlace(known, places), known)
  })
})
