import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { settingNames, settingOf } from '../../src/config/env.ts'
import { connections } from '../../src/domain/outbox/smtp.ts'
import { limits } from '../../src/http/limits.ts'
import { routes } from '../../src/http/routes.ts'

/** What docs/security/handbook.md says, beside the code. */

const handbook = readFileSync(new URL('../../../docs/security/handbook.md', import.meta.url), 'utf8')

function rowsUnder(heading: string): string[][] {
  const section = handbook.split(/^## /m).find((part) => part.startsWith(`${heading}\n`))
  assert.ok(section, `The handbook has no heading "${heading}".`)
  const rows = section.split('\n').filter((line) => line.startsWith('|'))
  return rows.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

describe('the ways to authenticate', () => {
  it('are the documented ones, and each opens a session by a password or a refresh token', () => {
    const documented = rowsUnder('Ways to authenticate').map(([, route]) => route!.replaceAll('`', ''))
    const opening = routes.filter(({ route }) =>
      Object.values(route.answers).some((answer) => JSON.stringify(answer).includes('"refresh_token"')),
    )
    assert.deepEqual(opening.map(({ method, path }) => `${method} ${path}`).sort(), documented.sort())
    for (const { route, path } of opening) {
      const required = (route.body.required as string[] | undefined) ?? []
      assert.ok(
        required.some((name) => ['password', 'current_password', 'refresh_token'].includes(name)) ||
          path === '/v1/auth/refresh',
        path,
      )
    }
  })
})

describe('the documented limits', () => {
  it('are those in the code and the defaults of the settings', () => {
    const number = (what: string) => {
      const row = rowsUnder('Limits').find(([name]) => name === what)
      assert.ok(row, what)
      return row[1]!
    }
    assert.equal(number('body of a request'), `${limits.body} bytes`)
    assert.equal(number('headers of a request'), `${limits.headers} bytes`)
    assert.equal(number('address of a request'), `${limits.url} characters`)
    assert.equal(number('depth of JSON'), String(limits.jsonDepth))
    assert.equal(number('time for headers'), `${limits.headersTimeout} ms`)
    assert.equal(number('time for a request'), `${limits.requestTimeout} ms`)
    assert.equal(number('idle connection'), `${limits.keepAlive} ms`)
    assert.equal(number('sessions of a user'), settingOf('SESSION_LIMIT').default)
    assert.equal(number('wait for a hashing thread'), String(settingOf('HASH_MAX_WAIT').default).replace('ms', ' ms'))
    assert.equal(number('password'), `${settingOf('PASSWORD_MIN_LENGTH').default} to 256 characters`)
  })
})

describe('who the server talks to', () => {
  it('is whom its settings name, with as many connections as it opens', () => {
    const rows = rowsUnder('Who talks to whom').filter(([from]) => from === 'the server')
    const rowOf = (about: RegExp) => rows.find(([, to]) => about.test(to!)) ?? assert.fail(String(about))
    // Every setting that names a machine has its row.
    const named = { DATABASE_URL: /database/, SMTP_URL: /mail server/, REDIS_URL: /Redis/, TRACING: /traces/ }
    const urls = settingNames.filter((name) => name.endsWith('_URL') && !['PUBLIC_URL', 'APP_URL'].includes(name))
    assert.deepEqual([...urls, 'TRACING'].sort(), Object.keys(named).sort())
    for (const about of Object.values(named)) assert.ok(rowOf(about))
    assert.equal(rows.length, Object.keys(named).length)
    assert.match(rowOf(named.SMTP_URL)[2]!, new RegExp(`^${connections} connections a worker`))
  })
})

describe('cryptography', () => {
  it('is used only where the handbook says so', () => {
    const root = fileURLToPath(new URL('../../src/', import.meta.url))
    const named = rowsUnder('Cryptography in use').flatMap(([, , files]) => [...files!.matchAll(/`([^`]+)`/g)])
    const places = named.map(([, place]) => place!)
    const strays = globSync('**/*.ts', { cwd: root })
      .filter((file) => !file.endsWith('.test.ts'))
      .filter((file) => /node:crypto|@node-rs\/argon2|from 'bcrypt'/.test(readFileSync(root + file, 'utf8')))
      .filter((file) => !places.some((place) => file === place || (place.endsWith('/') && file.startsWith(place))))
    assert.deepEqual(strays, [])
  })
})
