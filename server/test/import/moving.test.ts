import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { sql } from 'kysely'
import { command } from '../../src/cli/users.ts'
import { openDatabase } from '../../src/database/connect.ts'
import { logIn } from '../flows/flow-server.ts'
import { databases, freshDatabase } from '../support/databases.ts'
import { runCommand } from '../support/run-command.ts'
import { startTestServer, testMasterKey } from '../support/server.ts'

/** What docs/moving.md tells people to do is done here, on what the systems hold, up to the login. */

const guide = readFileSync(new URL('../../../docs/moving.md', import.meta.url), 'utf8')
const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-moving-'))
after(() => rmSync(directory, { recursive: true, force: true }))

const blockOf = (kind: string, system: string) => {
  const found = guide.split(`\`\`\`${kind} ${system}\n`)[1]?.split('\n```')[0]
  assert.ok(found, `docs/moving.md has no ${kind} for ${system}`)
  return found
}
const password = 'correct horse battery staple'
const passwords: Record<string, string> = { firebase: 'user1password' }
const sampleOf = (system: string) => JSON.parse(blockOf('json', system))
const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`

/** The tables of the systems, as far as the statements of the guide read them, with one user each. */
const tables: Record<string, (hash: string) => string[]> = {
  'fastapi-users': (hash) => [
    'create table "user" (id text, email text, hashed_password text, is_active bool, is_superuser bool, is_verified bool)',
    `insert into "user" values ('0e0f2d8a', 'fastapi@example.com', ${hash}, true, false, true)`,
  ],
  django: (hash) => [
    `create table auth_user (id int, password text, last_login timestamptz, is_superuser bool, username text,
      first_name text, last_name text, email text, is_staff bool, is_active bool, date_joined timestamptz)`,
    `insert into auth_user values (7, ${hash}, null, false, 'ada', 'Ada', 'Lovelace', 'django@example.com', false, true,
      '2019-05-01T10:00:00.123456Z')`,
  ],
  'better-auth': (hash) => [
    'create table "user" (id text, name text, email text, "emailVerified" bool, "createdAt" timestamp)',
    'create table account (id text, "userId" text, "providerId" text, password text)',
    `insert into "user" values ('xYz', 'Ada', 'better@example.com', true, '2024-01-01 00:00:00')`,
    `insert into account values ('1', 'xYz', 'credential', ${hash}), ('2', 'xYz', 'github', null)`,
  ],
  supabase: (hash) => [
    `create table users (id text, email text, encrypted_password text, email_confirmed_at timestamptz,
      raw_user_meta_data jsonb, banned_until timestamptz, created_at timestamptz, last_sign_in_at timestamptz, deleted_at timestamptz)`,
    `insert into users values ('3c9f', 'supabase@example.com', ${hash}, now(), '{}', null, '2023-01-01Z', null, null)`,
  ],
}

/** What the systems export, with one user each. */
const exports: Record<string, (hash: string) => { file: object; with?: object }> = {
  firebase(hash) {
    const [, , , salt, digest, separator, key] = hash.split('$')
    const user = {
      localId: 'abc',
      email: 'firebase@example.com',
      passwordHash: digest,
      salt,
      createdAt: '1700000000000',
    }
    const others = [{ localId: 'phone only' }, { localId: 'google', email: 'google@example.com', disabled: true }]
    return {
      file: { users: [user, ...others] },
      with: { signer_key: key, salt_separator: separator, rounds: 8, mem_cost: 14 },
    }
  },
  keycloak(hash) {
    const [, algorithm, iterations, salt, value] = hash.split('$')
    const credential = {
      type: 'password',
      secretData: JSON.stringify({ value, salt, additionalParameters: {} }),
      credentialData: JSON.stringify({
        hashIterations: Number(iterations!.slice(2)),
        algorithm,
        additionalParameters: {},
      }),
    }
    const newer = {
      type: 'password',
      secretData: JSON.stringify({
        value: 'Yv/PklkH9cMCCiwSbGTh8i+QO5h2XWBmfn7u9+PcEk8=',
        salt: '2Foq83ERGO62SPwkNFtp6Q==',
      }),
      credentialData: JSON.stringify({
        hashIterations: 2,
        algorithm: 'argon2',
        additionalParameters: {
          hashLength: ['32'],
          memory: ['1024'],
          type: ['id'],
          version: ['1.3'],
          parallelism: ['2'],
        },
      }),
    }
    const person = { id: '9b1d', username: 'ada', emailVerified: true, enabled: true, createdTimestamp: 1700000000123 }
    return {
      file: {
        users: [
          {
            ...person,
            email: 'keycloak@example.com',
            firstName: 'Ada',
            lastName: 'Lovelace',
            credentials: [credential],
          },
          { ...person, email: 'keycloak-26@example.com', credentials: [newer] },
          { ...person, email: 'federated@example.com', enabled: false },
        ],
      },
    }
  },
}

async function importAndLogIn(rows: string, system: string, expected: number) {
  const target = await freshDatabase('SQLite')
  const server = await startTestServer(target.url)
  try {
    const path = join(directory, `${system}.ndjson`)
    writeFileSync(path, rows)
    const { code, stdout, stderr } = await runCommand(command, ['import', path], {
      NTT_AUTH_DATABASE_URL: target.url,
      NTT_AUTH_DATA_DIR: directory,
      NTT_AUTH_MASTER_KEY: testMasterKey,
    })
    assert.equal(code, 0, stderr)
    assert.equal(stdout, `${expected} rows: ${expected} created, 0 skipped, 0 failed.\n`)
    const { email, name } = sampleOf(system)
    const { status, body } = await logIn(server, email, { password: passwords[system] ?? password })
    assert.equal(status, 200)
    assert.equal(body.user.name, name ?? null)
    if (system === 'keycloak' && expected > 1) {
      assert.equal((await logIn(server, 'keycloak-26@example.com', { password })).status, 200)
    }
  } finally {
    await server.close()
    await target.drop()
  }
}

describe('moving from', () => {
  for (const system of [...Object.keys(tables), ...Object.keys(exports)]) {
    it(`${system}: the sample of the guide is imported and logs in`, () =>
      importAndLogIn(blockOf('json', system), system, 1))
  }

  const { available, why } = databases.find(({ name }) => name === 'PostgreSQL')!
  for (const [system, statementsOf] of Object.entries(tables)) {
    it(`${system}: what the statement of the guide reads is imported and logs in`, {
      skip: available ? false : why,
    }, async () => {
      const source = await freshDatabase('PostgreSQL', { bare: true })
      const { db, close } = await openDatabase({ url: source.url, poolSize: 1 })
      try {
        for (const statement of statementsOf(quoted(sampleOf(system).password_hash)))
          await sql.raw(statement).execute(db)
        const question = blockOf('sql', system).replace('auth.users', 'users')
        const { rows } = await sql.raw<Record<string, unknown>>(question).execute(db)
        assert.equal(rows.length, 1)
        const read = Object.values(rows[0]!)[0]
        await importAndLogIn(typeof read === 'string' ? read : JSON.stringify(read), system, 1)
      } finally {
        await close()
        await source.drop()
      }
    })
  }

  const hasJq = spawnSync('jq', ['--version']).status === 0
  for (const [system, exportOf] of Object.entries(exports)) {
    it(`${system}: what jq makes of an export is imported and logs in`, {
      skip: hasJq ? false : 'jq is not installed',
    }, async () => {
      const { file, with: parameters } = exportOf(sampleOf(system).password_hash)
      const paths = ['export.json', 'hash.json', 'program.jq'].map((name) => join(directory, `${system}-${name}`))
      writeFileSync(paths[0]!, JSON.stringify(file))
      writeFileSync(paths[1]!, JSON.stringify(parameters ?? {}))
      writeFileSync(paths[2]!, blockOf('jq', system))
      const args = ['-c', ...(parameters ? ['--slurpfile', 'p', paths[1]!] : []), '-f', paths[2]!, paths[0]!]
      const { stdout, stderr, status } = spawnSync('jq', args, { encoding: 'utf8' })
      assert.equal(status, 0, stderr)
      await importAndLogIn(stdout, system, stdout.trim().split('\n').length)
    })
  }
})
