import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isRepository, scan, scanTree } from '../../scripts/scan-secrets.ts'
import { randomToken } from '../../src/random.ts'

describe('the repository', () => {
  it('holds no secret, in no file that is tracked', { skip: !isRepository() && 'this is no repository' }, () => {
    assert.deepEqual(scanTree(), [])
  })
})

describe('the search for secrets', () => {
  // Put together here, so that this file is not a finding itself.
  const planted: Record<string, string> = {
    'a private key': `-----BEGIN ${'PRIVATE'} KEY-----\\n${'MIGHAgEA'.repeat(8)}`,
    'a private JWK': `{"kty":"EC","d":"${randomToken(32)}"}`,
    'a cloud key': `AK${'IA'}${'A1B2'.repeat(4)}`,
    'a forge token': `gh${'p_'}${'a1B2'.repeat(9)}`,
    'a signed token': ['eyJ', 'eyJ', 'xxx'].map((start) => start + randomToken(32)).join('.'),
    'a refresh token': `nttr${'_'}${randomToken(60)}`,
    'a secret of a service': `ntts${'_'}${randomToken(32)}`,
    'a password in a URL': `postgres${'://'}front:Zx81kQp2vv@db.internal/auth`,
    'a master key': `NTT_AUTH_MASTER${'_KEY='}${randomToken(32)}`,
  }
  for (const [what, text] of Object.entries(planted)) {
    it(`finds ${what}`, () => assert.equal(scan('planted', `const x = '${text}'`).length, 1))
  }
})
