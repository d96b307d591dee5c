import type { KeyObject } from 'node:crypto'

// Of such a modulus every remainder by a small prime is a power of 65537 (CVE-2017-15361); by chance that happens less
// than once in 2^27 keys.
const primes = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157]
const generator = 65537

/** Does a public RSA key bear the mark of the flawed generator of Infineon's chips? */
export function isRoca(publicKey: KeyObject): boolean {
  const { n } = publicKey.export({ format: 'jwk' })
  const modulus = BigInt(`0x${Buffer.from(n!, 'base64url').toString('hex')}`)
  return primes.every((prime) => isPower(Number(modulus % BigInt(prime)), prime))
}

function isPower(remainder: number, prime: number): boolean {
  let power = 1
  do {
    if (power === remainder) return true
    power = (power * generator) % prime
  } while (power !== 1)
  return false
}
