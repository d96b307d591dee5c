import { checkPrimeSync, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { numberOf } from './number-of.ts'
import { isRoca } from './roca.ts'

/** 128 bits of strength (ASVS 11.2.3); larger ones only cost time, and do not fit into their column. */
export const [leastRsaBits, mostRsaBits] = [3072, 8192]
/** Many verifiers read it into 31 bits. */
const [leastExponent, mostExponent] = [65537n, 2n ** 31n - 1n]
/** The order of P-256. */
const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')

/** `x` of keys whose private half stands in RFC 7515, RFC 7517, RFC 8037 or on jwt.io: they find their way into systems. */
const published = new Set([
  'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
  '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  'EVs_o5-uQbTjL3chynL4wXgUg2R9q9UU8I5mEovUf84',
])

/**
 * Why others could find the private half of a key, as a sentence that says what to use instead; null when nothing is
 * known against it. Looks at the private half itself, which shows more than any attack on the public one.
 * @param key RSA, P-256 or Ed25519
 */
export function findWeakness(key: KeyObject): string | null {
  const jwk = key.export({ format: 'jwk' })
  if (key.asymmetricKeyType === 'rsa') return weaknessOfRsa(key, jwk)
  if (published.has(jwk.x!)) return 'The key stands in a published example, so everybody has it. Make a new one.'
  const secret = Buffer.from(jwk.d!, 'base64url')
  const scalar = key.asymmetricKeyType === 'ec' ? numberOf(jwk.d) : null
  const tiny = scalar !== null && (scalar < 2n ** 128n || order - scalar < 2n ** 128n)
  if (!tiny && !isPatterned(secret)) return null
  return 'The private half of the key is not random and can be guessed. Make a new one: openssl genpkey'
}

function weaknessOfRsa(key: KeyObject, jwk: JsonWebKey): string | null {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails!
  if (modulusLength < leastRsaBits) {
    return `The RSA key has ${modulusLength} bits; fewer than ${leastRsaBits} are not strong enough. Use ${leastRsaBits}.`
  }
  if (modulusLength > mostRsaBits) {
    return `The RSA key has ${modulusLength} bits; more than ${mostRsaBits} are too slow to sign by. Use ${leastRsaBits}.`
  }
  if (publicExponent < leastExponent || publicExponent > mostExponent || publicExponent % 2n === 0n) {
    return `The RSA key has the public exponent ${publicExponent}; use one of 65537.`
  }
  if (isRoca(createPublicKey(key))) {
    return 'The RSA key was made by flawed hardware (ROCA, CVE-2017-15361) and can be broken. Make a new one.'
  }
  return weaknessOfPrimes(numberOf(jwk.n), numberOf(jwk.p), numberOf(jwk.q), BigInt(modulusLength))
}

/** FIPS 186-5, A.1: two primes of half the length that lie far apart. The exponent above leaves no room for a small private one. */
function weaknessOfPrimes(n: bigint, p: bigint, q: bigint, bits: bigint): string | null {
  if (p * q !== n) return 'The RSA key is damaged: its two primes do not make its modulus. Make a new one.'
  const [less, more] = p < q ? [p, q] : [q, p]
  if (less >> (bits / 2n - 1n) === 0n) {
    return 'The modulus of the RSA key has a small factor, so it can be broken. Make a new one.'
  }
  if (!checkPrimeSync(p) || !checkPrimeSync(q)) {
    return 'The modulus of the RSA key has more than two factors, so it can be broken. Make a new one.'
  }
  if (more - less < 2n ** (bits / 2n - 100n)) {
    return "The two primes of the RSA key are close to each other, so it can be broken (Fermat's method). Make a new one."
  }
  return null
}

/** Bytes that somebody wrote down and no generator made: in a trillion random ones this does not happen. */
function isPatterned(bytes: Buffer): boolean {
  const steps = new Set(bytes.subarray(1).map((byte, index) => (byte - bytes[index]!) & 0xff))
  const repeats = bytes.subarray(0, bytes.length / 2).equals(bytes.subarray(bytes.length / 2))
  const isText = bytes.every((byte) => byte >= 0x20 && byte < 0x7f)
  return repeats || steps.size < 8 || isText
}
