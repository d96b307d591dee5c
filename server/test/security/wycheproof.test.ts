import assert from 'node:assert/strict'
import { constants, createHmac, createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { algorithms, isSigningAlgorithm } from '../../src/domain/keys/algorithms.ts'
import { openSigned, type VerifyingKey } from '../../src/domain/tokens/access-token.ts'

/**
 * The vectors for JSON Web Signatures of Project Wycheproof, through our own rules for shape, header, key and signature.
 * They are not part of this repository: NTT_AUTH_TEST_WYCHEPROOF names the directory `testvectors_v1` of a copy.
 */

const directory = process.env.NTT_AUTH_TEST_WYCHEPROOF
const skip = directory ? false : 'NTT_AUTH_TEST_WYCHEPROOF does not say where the vectors of Wycheproof are'

type Jwk = JsonWebKey & { alg?: string; use?: string; key_ops?: string[] }
type Vector = { tcId: number; comment: string; jws: string; result: 'valid' | 'invalid' }
type Group = { comment: string; public?: Jwk; private?: Jwk; tests: Vector[] }

/** Vectors that contradict others or the standard. */
const leftOut: Record<number, string> = {
  346: 'The key says PS256, the token PS384, and this is called valid.',
  350: 'As 346.',
  347: 'There is no algorithm ES521.',
  351: 'As 347.',
  367: 'Byte for byte the valid vector 357, and called invalid.',
  370: 'As 367.',
  372: 'Called valid, and holds a "?", which is no base64url.',
  373: 'As 372.',
}

/** With algorithms that we do not have: their signatures are checked here, everything else by our rules. */
function keyOf(jwk: Jwk): VerifyingKey | null {
  const { alg = '', kty, use, key_ops: operations } = jwk
  if ((use !== undefined && use !== 'sig') || alg === '') return null
  if (operations !== undefined && !operations.some((name) => name === 'sign' || name === 'verify')) return null
  const hash = `sha${alg.slice(2)}`
  if (kty === 'oct') {
    const secret = Buffer.from(jwk.k!, 'base64url')
    return { algorithm: alg, verify: (input, mac) => createHmac(hash, secret).update(input).digest().equals(mac) }
  }
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  if (isSigningAlgorithm(alg))
    return { algorithm: alg, verify: (input, mac) => algorithms[alg].verify(input, key, mac) }
  const padding = alg.startsWith('PS')
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : {}
  return { algorithm: alg, verify: (input, mac) => verify(hash, Buffer.from(input), { key, ...padding }, mac) }
}

function accepts(jws: string, key: VerifyingKey | null): boolean {
  if (!key) return false
  try {
    return Buffer.isBuffer(openSigned(jws, () => key))
  } catch {
    return false
  }
}

describe('the vectors of Wycheproof', { skip }, () => {
  const groups: Group[] = directory
    ? JSON.parse(readFileSync(join(directory, 'json_web_signature_test.json'), 'utf8')).testGroups
    : []

  it('for JSON Web Signatures are judged alike, all 393 that agree with each other', () => {
    let judged = 0
    let ours = 0
    const different: string[] = []
    for (const { comment: group, tests, ...keys } of groups) {
      const jwk = keys.public ?? keys.private!
      const key = keyOf(jwk)
      for (const { tcId, comment, jws, result } of tests) {
        if (leftOut[tcId]) continue
        judged++
        if (key && isSigningAlgorithm(key.algorithm)) ours++
        // What holds nothing may be rightly signed; a token of ours it is not.
        const right = result === 'valid' && jws.split('.')[1] !== ''
        if (accepts(jws, key) !== right) different.push(`${tcId} ${group} ${comment}: ${result}`)
      }
    }
    assert.deepEqual(different, [])
    assert.equal(judged, 393)
    assert.ok(ours > 250, `${ours} by algorithms of ours`)
  })
})
