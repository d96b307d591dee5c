import { createPublicKey } from 'node:crypto'
import { refuseInsecure } from '../options.ts'
import { TokenRefusedError, VerifierUnavailableError } from './errors.ts'
import type { Algorithm, VerifyingKey } from './token.ts'

export type JwksSnapshot = { keys: Record<string, unknown>[]; fetchedAt: number }
export type KeySource = {
  /** @throws TokenRefusedError `key_unknown`, VerifierUnavailableError */
  key(kid: string): VerifyingKey | Promise<VerifyingKey>
  warm(): Promise<void>
  export(): JwksSnapshot
}

export type KeyOptions = {
  url: string
  algorithms: readonly Algorithm[]
  fetch: typeof fetch
  now: () => number
  snapshot?: JwksSnapshot | undefined
}

const fresh = 300_000
const staleAtMost = 86_400_000
const cooldown = 30_000
const mostKeys = 100
const mostBytes = 262_144

/**
 * The keys of the server. One fetch at a time; fresh for five minutes and renewed in the background before that; kept for
 * a day when the server cannot be reached; an unknown key id leads to one fetch in 30 s, whoever sends how many.
 */
export function keySource({ url, algorithms, fetch, now, snapshot }: KeyOptions): KeySource {
  refuseInsecure(new URL(url))
  let keys = new Map<string, VerifyingKey>()
  let raw: Record<string, unknown>[] = []
  let fetchedAt = Number.NEGATIVE_INFINITY
  let notBefore = Number.NEGATIVE_INFINITY
  let failures = 0
  let fetching: Promise<void> | null = null
  let lastError: unknown

  const take = (set: Record<string, unknown>[], at: number) => {
    raw = set
    keys = new Map(set.flatMap((each) => keyOf(each, algorithms)).map((each) => [each.kid, each]))
    fetchedAt = at
  }
  if (snapshot) take(snapshot.keys, snapshot.fetchedAt)

  const load = () => {
    fetching ??= read(url, fetch)
      .then(
        (set) => {
          take(set, now())
          failures = 0
          notBefore = now() + cooldown
        },
        (error) => {
          lastError = error
          notBefore = now() + Math.min(5000 * 2 ** failures++, 60_000)
        },
      )
      .finally(() => {
        fetching = null
      })
    return fetching
  }
  const mayAsk = () => fetching !== null || now() >= notBefore

  const find = async (kid: string): Promise<VerifyingKey> => {
    if (mayAsk()) await load()
    const key = keys.get(kid)
    const age = now() - fetchedAt
    if (key && age < staleAtMost) return key
    if (age < fresh) throw new TokenRefusedError('key_unknown')
    throw new VerifierUnavailableError('The keys of the server cannot be had.', lastError)
  }
  return {
    key(kid) {
      const key = keys.get(kid)
      const age = now() - fetchedAt
      if (!key || age >= staleAtMost) return find(kid)
      // Known keys go on while a fetch hangs or fails.
      if (age > fresh * 0.8 && mayAsk()) void load()
      return key
    },
    async warm() {
      if (now() - fetchedAt >= fresh) await load()
    },
    export: () => ({ keys: raw, fetchedAt }),
  }
}

async function read(url: string, fetch: KeyOptions['fetch']): Promise<Record<string, unknown>[]> {
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(5000),
    headers: { accept: 'application/json' },
  })
  if (!response.ok) throw new Error(`${url} answered ${response.status}.`)
  const text = await response.text()
  if (text.length > mostBytes) throw new Error(`${url} answered more than ${mostBytes} bytes.`)
  const { keys } = JSON.parse(text) as { keys?: unknown }
  if (!Array.isArray(keys) || keys.length > mostKeys)
    throw new Error(`${url} is no JWKS, or has more than ${mostKeys} keys.`)
  return keys
}

const shapes: Record<Algorithm, (jwk: Record<string, unknown>) => boolean> = {
  ES256: ({ kty, crv }) => kty === 'EC' && crv === 'P-256',
  EdDSA: ({ kty, crv }) => kty === 'OKP' && crv === 'Ed25519',
  RS256: ({ kty }) => kty === 'RSA',
}

/** @returns nothing for what cannot be used: encryption keys, other algorithms, weak or broken ones */
function keyOf(jwk: Record<string, unknown>, algorithms: readonly Algorithm[]): VerifyingKey[] {
  const { kid, alg, use, key_ops } = jwk
  if (typeof kid !== 'string' || (use !== undefined && use !== 'sig')) return []
  if (Array.isArray(key_ops) && !key_ops.includes('verify')) return []
  const algorithm = algorithms.find((each) => alg === each && shapes[each](jwk))
  if (!algorithm) return []
  try {
    const key = createPublicKey({ key: jwk as Record<string, string>, format: 'jwk' })
    const { modulusLength = 2048, publicExponent = 65_537n } = key.asymmetricKeyDetails ?? {}
    if (modulusLength < 2048 || publicExponent < 65_537n) return []
    return [{ kid, alg: algorithm, key }]
  } catch {
    return []
  }
}
