import { Buffer } from 'node:buffer'
import { createPublicKey } from 'node:crypto'
import { startTicks } from '../clock.ts'
import { isEdge } from './edge.ts'
import { TokenRefusedError, VerifierUnavailableError } from './errors.ts'
import type { Algorithm, VerifyingKey } from './token.ts'

/** Keys to carry over to another process; `fetchedAt` in milliseconds since 1970. */
export type JwksSnapshot = { keys: Record<string, unknown>[]; fetchedAt: number }
export type KeySource = {
  /** @throws TokenRefusedError `key_unknown`, VerifierUnavailableError */
  key(kid: string): VerifyingKey | Promise<VerifyingKey>
  /** What `key` gives, if that can be told at once; renews the keys beside it when it is time. */
  known(kid: string): VerifyingKey | undefined
  warm(): Promise<void>
  export(): JwksSnapshot
}

export type KeyOptions = {
  url: string
  algorithms: readonly Algorithm[]
  fetch: typeof fetch
  now: () => number
  onError: (error: unknown) => void
  snapshot?: JwksSnapshot | undefined
}

const usuallyFresh = 300_000
const freshAtMost = 3_600_000
const staleAtMost = 86_400_000
const cooldown = 30_000
const mostKeys = 100
const mostBytes = 262_144

type KeySet = { keys: Record<string, unknown>[]; freshMs: number }

/**
 * The keys of the server. One fetch at a time; fresh for as long as the server says, or for five minutes, and renewed in
 * the background before that; kept for a day when the server cannot be reached, or answers nothing of use; an unknown key
 * id leads to one fetch in 30 s, whoever sends how many.
 */
export function keySource({ url, algorithms, fetch, now, onError, snapshot }: KeyOptions): KeySource {
  // Ages and waits: a wall clock that is set back would make both longer than they are.
  const passed = startTicks({ wall: now, monotonic: () => performance.now() })
  let keys = new Map<string, VerifyingKey>()
  let raw: Record<string, unknown>[] = []
  let fetchedAt = Number.NEGATIVE_INFINITY
  let fresh = usuallyFresh
  let notBefore = Number.NEGATIVE_INFINITY
  let failures = 0
  let fetching: Promise<void> | null = null
  let lastError: unknown

  const take = (set: KeySet, at: number) => {
    // A key that is still the same stays the same object: tokens that it signed need no second look.
    const before = new Map(raw.map((each) => [JSON.stringify(each), keys.get(String(each.kid))]))
    const found = set.keys.flatMap((each) => before.get(JSON.stringify(each)) ?? keyOf(each, algorithms))
    if (found.length === 0 && keys.size > 0)
      throw new Error(`${url} names no key that can be used; the old ones are kept.`)
    raw = set.keys
    keys = new Map(found.map((each) => [each.kid, each]))
    fetchedAt = at
    fresh = set.freshMs
  }
  if (snapshot) {
    const age = Math.max(now() - snapshot.fetchedAt, 0)
    take({ keys: objectsIn(snapshot.keys), freshMs: usuallyFresh }, passed() - age)
  }

  const alone = isEdge()
  const load = () => {
    if (fetching && !alone) return fetching
    fetching = read(url, fetch)
      .then((set) => {
        take(set, passed())
        failures = 0
        notBefore = passed() + cooldown
      })
      .catch((error) => {
        lastError = error
        notBefore = passed() + Math.min(5000 * 2 ** failures++, 60_000)
        onError(error)
      })
      .finally(() => {
        fetching = null
      })
    return fetching
  }
  const mayAsk = () => (fetching !== null && !alone) || passed() >= notBefore

  const find = async (kid: string): Promise<VerifyingKey> => {
    if (mayAsk()) await load()
    const key = keys.get(kid)
    const age = passed() - fetchedAt
    if (key && age < staleAtMost) return key
    if (age < fresh) throw new TokenRefusedError('key_unknown')
    throw new VerifierUnavailableError('The keys of the server cannot be had.', lastError)
  }
  const known = (kid: string) => {
    const key = keys.get(kid)
    const age = passed() - fetchedAt
    if (!key || age >= staleAtMost) return undefined
    // Known keys go on while a fetch hangs or fails.
    if (age <= fresh * 0.8 || !mayAsk()) return key
    // Nothing goes on there once the answer is sent: who comes when it is time waits for the renewal.
    if (alone) return undefined
    void load()
    return key
  }
  return {
    known,
    key: (kid) => known(kid) ?? find(kid),
    async warm() {
      if (passed() - fetchedAt >= fresh) await load()
    },
    export: () => ({ keys: raw, fetchedAt: now() - (passed() - fetchedAt) }),
  }
}

async function read(url: string, fetch: KeyOptions['fetch']): Promise<KeySet> {
  const response = await fetch(url, {
    redirect: 'manual',
    signal: AbortSignal.timeout(5000),
    headers: { accept: 'application/json' },
  })
  if (!response.ok) {
    await response.body?.cancel()
    throw new Error(`${url} answered ${response.status}.`)
  }
  const { keys } = Object(JSON.parse(await textOf(response, url))) as { keys?: unknown }
  if (!Array.isArray(keys) || keys.length > mostKeys) {
    throw new Error(`${url} is no JWKS, or has more than ${mostKeys} keys.`)
  }
  const found = objectsIn(keys)
  if (found.length === 0) throw new Error(`${url} names no key.`)
  return { keys: found, freshMs: freshMsOf(response.headers) }
}

/** The body, of which no more is read than it may have. */
async function textOf({ body, headers }: Response, url: string): Promise<string> {
  const tooMuch = () => new Error(`${url} answered more than ${mostBytes} bytes.`)
  if (Number(headers.get('content-length')) > mostBytes) {
    await body?.cancel()
    throw tooMuch()
  }
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of body ?? []) {
    size += piece.length
    if (size > mostBytes) throw tooMuch()
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

function objectsIn(keys: readonly unknown[]): Record<string, unknown>[] {
  return keys.filter((each): each is Record<string, unknown> => typeof each === 'object' && each !== null)
}

/** As long as the server says, within what keeps a removed key from being believed for long. */
function freshMsOf(headers: Headers): number {
  const maxAge = /(?:^|[,\s])max-age="?(\d+)/i.exec(headers.get('cache-control') ?? '')?.[1]
  return maxAge === undefined ? usuallyFresh : Math.min(Math.max(Number(maxAge) * 1000, cooldown), freshAtMost)
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
