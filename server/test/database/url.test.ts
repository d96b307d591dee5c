import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { databaseUrlForms, defaultDatabaseUrl, maskDatabaseUrl, parseDatabaseUrl } from '../../src/database/url.ts'

describe('a database URL', () => {
  it('names a file', () => {
    const embedded = { kind: 'sqlite', embedded: true }
    assert.deepEqual(parseDatabaseUrl('sqlite:data/x.sqlite'), { ...embedded, path: 'data/x.sqlite' })
    assert.deepEqual(parseDatabaseUrl('sqlite:/var/x'), { ...embedded, path: '/var/x' })
    assert.deepEqual(parseDatabaseUrl('sqlite:///var/x'), { ...embedded, path: '/var/x' })
    assert.deepEqual(parseDatabaseUrl('sqlite::memory:'), { ...embedded, path: ':memory:' })
    assert.deepEqual(parseDatabaseUrl(defaultDatabaseUrl('/data')), { ...embedded, path: '/data/ntt-auth.sqlite' })
  })

  it('names a server', () => {
    const expected = {
      kind: 'mysql',
      embedded: false,
      host: 'db.example.test',
      port: 3306,
      socket: undefined,
      user: 'u@x',
      password: 'p:/#',
      database: 'auth',
      tls: 'off',
      tlsChosen: false,
      caFile: null,
      schema: undefined,
    }
    assert.deepEqual(parseDatabaseUrl('mysql://u%40x:p%3A%2F%23@db.example.test/auth'), expected)
    assert.deepEqual(parseDatabaseUrl('mariadb://u%40x:p%3A%2F%23@db.example.test/auth'), expected)
    const postgres = {
      ...expected,
      kind: 'postgres',
      port: 6000,
      host: '::1',
      tls: 'verify',
      tlsChosen: true,
      schema: 's',
      socket: '/run',
    }
    const options = 'sslmode=verify-full&schema=s&socket=/run'
    assert.deepEqual(parseDatabaseUrl(`postgres://u%40x:p%3A%2F%23@[::1]:6000/auth?${options}`), postgres)
    assert.deepEqual(parseDatabaseUrl(`POSTGRESQL://u%40x:p%3A%2F%23@[::1]:6000/auth?${options}`), postgres)
    const trusting = parseDatabaseUrl('mysql://u@h/d?tls=verify&ca=/etc/a%20b.pem') as { tls: string; caFile: string }
    assert.deepEqual([trusting.tls, trusting.caFile], ['verify', '/etc/a b.pem'])
    assert.equal((parseDatabaseUrl('mysql://u@h/d?tls=require') as { tls: string }).tls, 'require')
  })

  it('is refused with a sentence that says what is wrong, without the password', () => {
    const refused: [string, RegExp][] = [
      ['', /must look like one of: sqlite:PATH, mysql/],
      ['oracle://u:secret@h/d', /must look like one of/],
      ['constructor://u:secret@h/d', /must look like one of/],
      ['sqlite:', /needs a path/],
      ['sqlite:x?mode=ro', /takes no options/],
      ['mysql:u:secret@h/d', /cannot be read.*percent-encode/],
      ['mysql://u:sec/ret@h:x/d', /cannot be read|must name/],
      ['mysql://u:secret@h', /must name one database/],
      ['mysql://u:secret@h/a/b', /must name one database/],
      ['mysql://h/d', /must name a user/],
      ['mysql://u:secret%zz@h/d', /password .* not percent-encoded/],
      ['mysql://u:secret@h/d?tls=maybe', /"tls" must be off, require or verify/],
      ['mysql://u:secret@h/d?sslmode=require', /"sslmode" is not known; the options are tls, ca and socket/],
      ['mysql://u:secret@h/d?schema=s', /"schema" is not known/],
      ['postgres://u:secret@h/d?x=1', /"x" is not known; the options are tls, ca, socket and schema/],
      ['mysql://u:secret@10.0.0.1/d?tls=verify', /by its host name with tls=verify, not by an IP address/],
      ['mysql://u:secret@h/d?ca=/x', /"ca" needs tls=verify/],
      ['mysql://u:secret@h/d?tls=require&ca=/x', /"ca" needs tls=verify/],
      ['mysql://u:secret@h/d?tls=verify&ca=', /"ca" must name a file/],
      ['postgres://u:secret@h/d?schema=a-b', /lower-case identifier/],
    ]
    for (const [url, message] of refused) {
      assert.throws(
        () => parseDatabaseUrl(url),
        (error: Error) => message.test(error.message) && !error.message.includes('secret'),
        url,
      )
    }
  })

  it('is shown without its password', () => {
    assert.equal(maskDatabaseUrl('mysql://u:secret@h/d'), 'mysql://u:***@h/d')
    assert.equal(maskDatabaseUrl('mysql://u:se@cr/et@h/d?x=1'), 'mysql://u:***@h/d?x=1')
    assert.equal(maskDatabaseUrl('mysql://u@h/d'), 'mysql://u@h/d')
    assert.equal(maskDatabaseUrl('sqlite:data/x'), 'sqlite:data/x')
    for (const form of databaseUrlForms) assert.equal(typeof maskDatabaseUrl(form), 'string')
  })
})
