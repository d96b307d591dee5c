import assert from 'node:assert/strict'
import { generateKeyPairSync, generatePrimeSync, type JsonWebKey } from 'node:crypto'
import { describe, it } from 'node:test'
import { sharesSecret } from '../../src/domain/keys/create.ts'

const rsa = (...primes: bigint[]): JsonWebKey => {
  const n = primes.reduce((product, prime) => product * prime, 1n).toString(16)
  return {
    kty: 'RSA',
    e: 'AQAB',
    n: Buffer.from(n.padStart(n.length + (n.length % 2), '0'), 'hex').toString('base64url'),
  }
}
const prime = () => generatePrimeSync(256, { bigint: true })
const publicJwk = (type: 'ec' | 'ed25519') =>
  (type === 'ec'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('ed25519')
  ).publicKey.export({
    format: 'jwk',
  })

describe('two keys share their secret', () => {
  const [p, q, r, s] = [prime(), prime(), prime(), prime()] as [bigint, bigint, bigint, bigint]
  it('where they have a modulus or a prime in common, whatever the exponent', () => {
    assert.equal(sharesSecret(rsa(p, q), { ...rsa(p, q), e: 'AQAH' }), true)
    assert.equal(sharesSecret(rsa(p, q), rsa(q, r)), true)
    assert.equal(sharesSecret(rsa(p, q), rsa(r, s)), false)
  })

  it('where they are the same point or its mirror', () => {
    const [one, other] = [publicJwk('ec'), publicJwk('ec')]
    assert.equal(sharesSecret(one, { ...one, y: other.y! }), true)
    assert.equal(sharesSecret(one, other), false)
  })

  it('and never where they are of different kinds', () => {
    const [ec, ed] = [publicJwk('ec'), publicJwk('ed25519')]
    assert.equal(sharesSecret(ed, { ...ed }), true)
    assert.equal(sharesSecret(ed, publicJwk('ed25519')), false)
    assert.equal(sharesSecret(ec, { ...ed, x: ec.x! }), false)
    assert.equal(sharesSecret(rsa(p, q), ec), false)
  })
})
