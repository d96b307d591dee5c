import assert from 'node:assert/strict'
import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { describe, it } from 'node:test'
import { KeyRefused, readSigningKey } from '../../src/domain/keys/import.ts'
import { isRoca } from '../../src/domain/keys/roca.ts'

const pem = (pair: { privateKey: { export(options: object): string | Buffer } }, type = 'pkcs8') =>
  pair.privateKey.export({ format: 'pem', type }) as string
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 3072 })
const ed25519 = generateKeyPairSync('ed25519')
const jwkOf = (pair: { privateKey: { export(options: { format: 'jwk' }): JsonWebKey } }, changes = {}) =>
  JSON.stringify({ ...pair.privateKey.export({ format: 'jwk' }), ...changes })

describe('a signing key from elsewhere', () => {
  for (const [algorithm, pair] of [
    ['ES256', p256],
    ['EdDSA', ed25519],
    ['RS256', rsa],
  ] as const) {
    it(`is taken for ${algorithm}, as PKCS#8 and as a JWK`, () => {
      assert.equal(readSigningKey(pem(pair)).algorithm, algorithm)
      assert.equal(readSigningKey(`\n${pem(pair)}\n`).kid, null)
      const read = readSigningKey(jwkOf(pair, { kid: 'of-former-days', alg: algorithm, use: 'sig', key_ops: ['sign'] }))
      assert.deepEqual([read.algorithm, read.kid], [algorithm, 'of-former-days'])
      assert.ok(read.privateKey.equals(pair.privateKey))
    })
  }

  const small = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const odd = generateKeyPairSync('rsa', { modulusLength: 3072, publicExponent: 3 })
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x, y } = other.publicKey.export({ format: 'jwk' })
  const encrypted = p256.privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' })
  const refused: [string, string, RegExp][] = [
    ['an RSA key of 1024 bits', pem(small), /1024 bits; fewer than 3072/],
    ['an RSA key of 2048 bits', pem(generateKeyPairSync('rsa', { modulusLength: 2048 })), /2048 bits; fewer than 3072/],
    ['an RSA key of 1024 bits as a JWK', jwkOf(small), /1024 bits/],
    ['an RSA key with the exponent 3', pem(odd), /exponent 3; use one of 65537/],
    ['another curve', pem(p384), /secp384r1; ES256 needs P-256/],
    ['another curve as a JWK', jwkOf(p384), /secp384r1/],
    ['Ed448', pem(generateKeyPairSync('ed448')), /ed448 cannot sign here/],
    ['a key agreement key', pem(generateKeyPairSync('x25519')), /x25519 cannot sign here/],
    ['a public key', p256.publicKey.export({ format: 'pem', type: 'spki' }) as string, /public key only/],
    ['a public JWK', JSON.stringify(p256.publicKey.export({ format: 'jwk' })), /public key only/],
    ['a key for encryption', jwkOf(p256, { use: 'enc' }), /another use \("use": "enc"\)/],
    ['a key for other operations', jwkOf(p256, { key_ops: ['decrypt'] }), /other operations/],
    ['a key for another algorithm', jwkOf(p256, { alg: 'ES384' }), /for ES384, and a key of its kind is for ES256/],
    ['a shared secret', JSON.stringify({ kty: 'oct', k: 'AyM1SysPpbyDfgZld3umj1qzKObwVMko' }), /shared secret/],
    ['a key set', JSON.stringify({ keys: [JSON.parse(jwkOf(p256))] }), /key set/],
    ['two halves of two keys', jwkOf(p256, { x, y }), /do not belong together|damaged/],
    ['a key id that no token could carry', jwkOf(p256, { kid: '../../etc' }), /key id/],
    ['PKCS#1', pem(rsa, 'pkcs1'), /"RSA PRIVATE KEY" is not PKCS#8. Convert it: openssl/],
    ['SEC1', pem(p256, 'sec1'), /"EC PRIVATE KEY" is not PKCS#8/],
    ['an encrypted key', encrypted as string, /passphrase/],
    ['half a PEM file', pem(p256).slice(0, 80), /damaged/],
    ['half a JWK', jwkOf(p256).slice(0, 80), /not JSON/],
    ['nothing', '', /neither a PEM file nor a JWK/],
    ['a text', 'hello', /neither a PEM file nor a JWK/],
  ]
  for (const [name, text, sentence] of refused) {
    it(`is refused with a sentence: ${name}`, () => {
      assert.throws(
        () => readSigningKey(text),
        (error) => {
          assert.ok(error instanceof KeyRefused, String(error))
          assert.match(error.message, sentence)
          const d = /"d":"([^"]+)"/.exec(text)?.[1]
          if (d) assert.equal(error.message.includes(d), false)
          return true
        },
      )
    })
  }

  it('is refused when flawed hardware made it (ROCA)', () => {
    // The modulus of such a key: a product of primes k·M + (65537^a mod M), here with the right remainders only.
    const primes = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157].map(BigInt)
    const product = primes.reduce((all, prime) => all * prime, 1n)
    const marked = (65537n ** 77n % product) + product * 2n ** 1900n
    assert.equal(isRocaModulus(marked), true)
    assert.equal(isRocaModulus(marked + 2n), false)
  })
})

function isRocaModulus(n: bigint): boolean {
  const hex = n.toString(16)
  const bytes = Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex')
  return isRoca({ export: () => ({ n: bytes.toString('base64url') }) } as never)
}
