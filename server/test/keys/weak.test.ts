import assert from 'node:assert/strict'
import { checkPrimeSync, createECDH, generateKeyPairSync, generatePrimeSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { algorithms } from '../../src/domain/keys/algorithms.ts'
import { KeyRefused, readSigningKey } from '../../src/domain/keys/import.ts'

const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')
const prime = (bits: number) => generatePrimeSync(bits, { bigint: true })
const bytesOf = (value: bigint) => {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex')
}
const text = (value: bigint) => bytesOf(value).toString('base64url')

function inverse(value: bigint, modulus: bigint): bigint {
  let [r, next, s, nextS] = [value % modulus, modulus, 1n, 0n]
  while (next !== 0n) {
    const quotient = r / next
    ;[r, next, s, nextS] = [next, r - quotient * next, nextS, s - quotient * nextS]
  }
  return ((s % modulus) + modulus) % modulus
}

/** An RSA key of these factors, whatever they are. */
function rsaOf(p: bigint, q: bigint, { e = 65537n, d = inverse(e, (p - 1n) * (q - 1n)) } = {}): string {
  const parts = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) }
  const members = Object.entries(parts).map(([name, value]) => [name, text(value)])
  return JSON.stringify({ kty: 'RSA', ...Object.fromEntries(members) })
}

function nextPrime(from: bigint): bigint {
  let candidate = from | 1n
  while (!checkPrimeSync(candidate)) candidate += 2n
  return candidate
}

function p256Of(secret: Buffer): string {
  const pair = createECDH('prime256v1')
  pair.setPrivateKey(secret)
  const point = pair.getPublicKey()
  const [x, y] = [point.subarray(1, 33).toString('base64url'), point.subarray(33).toString('base64url')]
  return JSON.stringify({ kty: 'EC', crv: 'P-256', d: secret.toString('base64url'), x, y })
}

function ed25519Of(seed: Buffer): string {
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  return `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----`
}

const padded = (value: bigint) => {
  const bytes = bytesOf(value)
  return Buffer.concat([Buffer.alloc(32 - bytes.length), bytes])
}
const big = prime(1536)
// 1536 + 1536 bits, and yet p − q has 1436 bits only.
const near = nextPrime(big + 2n ** 1430n)

describe('a weak signing key', () => {
  const weak: [string, () => string, RegExp][] = [
    ['RSA of two neighbouring primes', () => rsaOf(big, nextPrime(big + 2n)), /close to each other.*Fermat/],
    ['RSA of two primes that agree in their first hundred bits', () => rsaOf(big, near), /close to each other/],
    ['RSA with the factor 257', () => rsaOf(prime(3065), 257n), /small factor/],
    ['RSA of primes of unequal length', () => rsaOf(prime(2560), prime(512)), /small factor/],
    ['RSA of more than two primes', () => rsaOf(prime(1536), prime(768) * prime(769)), /more than two factors/],
    ['RSA with an even exponent', () => rsaOf(big, prime(1536), { e: 65538n, d: 2n ** 3000n + 1n }), /exponent 65538/],
    ['RSA with a huge exponent', () => rsaOf(big, prime(1536), { e: nextPrime(2n ** 40n) }), /exponent 10995/],
    ['P-256 with d = 1', () => p256Of(padded(1n)), /can be guessed/],
    ['P-256 with d = 2^100', () => p256Of(padded(2n ** 100n)), /can be guessed/],
    ['P-256 with d = n − 1', () => p256Of(padded(order - 1n)), /can be guessed/],
    ['P-256 with a repeated d', () => p256Of(Buffer.alloc(32, 'a password 12345')), /can be guessed/],
    ['Ed25519 of zeros', () => ed25519Of(Buffer.alloc(32)), /can be guessed/],
    ['Ed25519 of one byte', () => ed25519Of(Buffer.alloc(32, 0x7f)), /can be guessed/],
    ['Ed25519 that counts', () => ed25519Of(Buffer.from(Array.from({ length: 32 }, (_, at) => at))), /can be guessed/],
    ['Ed25519 with one bit set', () => ed25519Of(padded(1n)), /can be guessed/],
    ['Ed25519 of a text', () => ed25519Of(Buffer.from('correct horse battery staple 99!')), /can be guessed/],
    ['Ed25519 of a repeated word', () => ed25519Of(Buffer.alloc(32, 'deadbeef', 'hex')), /can be guessed/],
    [
      'the Ed25519 key of RFC 8037',
      () => ed25519Of(Buffer.from('nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A', 'base64url')),
      /published example/,
    ],
    [
      'the P-256 key of RFC 7515',
      () => p256Of(Buffer.from('jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI', 'base64url')),
      /published example/,
    ],
    [
      'the P-256 key of RFC 7517',
      () => p256Of(Buffer.from('870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE', 'base64url')),
      /published example/,
    ],
    [
      'the P-256 key of jwt.io',
      () => p256Of(Buffer.from('evZzL1gdAFr88hb2OF/2NxApJCzGCEDdfSp6VQO30hw=', 'base64')),
      /published example/,
    ],
  ]
  for (const [name, make, sentence] of weak) {
    it(`is refused with a sentence: ${name}`, () => {
      assert.throws(
        () => readSigningKey(make()),
        (error) => {
          assert.ok(error instanceof KeyRefused, String(error))
          assert.match(error.message, sentence)
          assert.match(error.message, /Make a new one|Use |use one of/)
          return true
        },
      )
    })
  }

  it('is told from a damaged one, and a small private exponent is not let through', () => {
    const q = prime(1536)
    const d = nextPrime(2n ** 700n)
    const e = inverse(d, (big - 1n) * (q - 1n))
    assert.throws(() => readSigningKey(rsaOf(big, q, { e, d })), /exponent/)
    const other = { ...JSON.parse(rsaOf(big, q)), p: text(prime(1536)) }
    assert.throws(() => readSigningKey(JSON.stringify(other)), /do not make its modulus|damaged/)
  })

  it('is none of those that we make ourselves', () => {
    for (const algorithm of ['ES256', 'EdDSA'] as const) {
      for (let count = 0; count < 200; count++) {
        const pem = algorithms[algorithm].generate().privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
        assert.equal(readSigningKey(pem).algorithm, algorithm)
      }
    }
    const rsa = algorithms.RS256.generate().privateKey
    assert.equal(rsa.asymmetricKeyDetails!.modulusLength, 3072)
    assert.equal(readSigningKey(rsa.export({ format: 'pem', type: 'pkcs8' }) as string).algorithm, 'RS256')
  })

  it('is not what is merely long, up to 8192 bits', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 4096 })
    assert.equal(readSigningKey(privateKey.export({ format: 'pem', type: 'pkcs8' }) as string).algorithm, 'RS256')
    assert.throws(() => readSigningKey(rsaOf(2n ** 4100n + 1n, 2n ** 4100n + 3n, { d: 3n })), /more than 8192/)
  })
})
