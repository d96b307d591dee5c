import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { command } from '../../src/cli/keys.ts'
import { runCommand } from '../support/run-command.ts'

const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-keys-'))
after(() => rmSync(directory, { recursive: true, force: true }))
const env = { NTT_AUTH_DATA_DIR: join(directory, 'data') }
const keys = (...args: string[]) => runCommand(command, args, env)
const listed = async (): Promise<{ kid: string; state: string }[]> =>
  JSON.parse((await keys('list', '--json')).stdout).keys
const kidOf = async (state: string) => (await listed()).find((key) => key.state === state)?.kid

describe('ntt-auth keys', () => {
  it('lists none before the first start, and makes them when asked to rotate', async () => {
    assert.match((await keys('list')).stdout, /There are no keys yet/)
    assert.equal((await keys('rotate', '--now')).code, 0)
    assert.deepEqual((await listed()).map(({ state }) => state).sort(), ['active', 'next'])
  })

  it('says what it is called like', async () => {
    for (const args of [
      [],
      ['frob'],
      ['list', 'x'],
      ['list', '--now'],
      ['revoke'],
      ['import'],
      ['rotate', '--activate'],
      ['list', '--to-older'],
    ]) {
      await assert.rejects(keys(...args), { name: 'UsageError' })
    }
    await assert.rejects(keys('rotate', '--now', '--compromised', 'x'), /not both/)
  })

  it('rotates when the next key has been published for long enough, or with --now', async () => {
    const early = await keys('rotate')
    assert.equal(early.code, 1)
    assert.match(early.stderr, /Wait \d+ seconds, or add --now/)
    const next = await kidOf('next')
    await keys('rotate', '--now')
    assert.equal(await kidOf('active'), next)
  })

  it('revokes a key, and knows no other', async () => {
    const [active, next] = [await kidOf('active'), await kidOf('next')]
    await keys('revoke', active!)
    assert.equal(await kidOf('active'), next)
    assert.equal(
      (await listed()).some(({ kid }) => kid === active),
      false,
    )
    await keys('rotate', '--compromised', next!)
    assert.notEqual(await kidOf('active'), next)
    const unknown = await keys('revoke', 'no-such-key')
    assert.equal(unknown.code, 5)
    assert.match(unknown.stderr, /There is no signing key no-such-key/)
  })

  it('imports a key from a file, warns of an open one, and says what is wrong with others', async () => {
    const file = join(directory, 'key.pem')
    const pem = (namedCurve: string) =>
      generateKeyPairSync('ec', { namedCurve }).privateKey.export({ format: 'pem', type: 'pkcs8' })
    writeFileSync(file, pem('P-256'), { mode: 0o600 })
    assert.deepEqual((await keys('import', file)).stderr, '')
    const imported = await kidOf('next')
    assert.notEqual(await kidOf('active'), imported)
    writeFileSync(file, pem('P-256'))
    chmodSync(file, 0o644)
    const { stderr, stdout } = await keys('import', file, '--activate')
    assert.match(stderr, /others than its owner and group may use/)
    assert.match(stdout, /^active {4}ES256 {2}\S+ {2}since 20/m)
    assert.equal(
      (await listed()).some(({ kid }) => kid === imported),
      false,
    )
    writeFileSync(file, pem('P-384'))
    const refused = await keys('import', file)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /secp384r1; ES256 needs P-256/)
    await assert.rejects(keys('import', join(directory, 'none.pem')), /none\.pem does not exist\./)
  })

  it('has nothing to seal anew under the same master key', async () => {
    assert.equal((await keys('reseal')).code, 0)
  })

  it('refuses a wrong master key before it changes anything', async () => {
    const before = await listed()
    const other = {
      ...env,
      NTT_AUTH_MASTER_KEY: Buffer.from(
        generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x!,
        'base64url',
      ).toString('base64url'),
    }
    await assert.rejects(
      runCommand(command, ['rotate', '--now'], other),
      /The master key does not open the signing key/,
    )
    assert.deepEqual(await listed(), before)
  })
})
