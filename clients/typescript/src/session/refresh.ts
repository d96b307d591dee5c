import type { Tokens } from '../contract.ts'
import { type AuthError, NetworkError, SessionEndedError } from '../errors/errors.ts'
import { type Ask, exchange, type Wire } from '../http/exchange.ts'
import { backoff, pauseOf, type RetryPolicy } from '../http/retry.ts'
import type { SessionStorage } from '../storage/storage.ts'
import { bury } from './bury.ts'
import type { LogoutReason } from './machine.ts'
import { type Found, freshKey, readRecord, type SessionRecord } from './record.ts'

export type RefreshPorts = {
  wire: Wire
  storage: Required<Pick<SessionStorage, 'get' | 'advance' | 'lock'>>
  key: string
  retry: RetryPolicy
  /** Milliseconds for the whole, all attempts and waits included. */
  timeoutMs: number
  counters: { refreshRequests: number }
  /** How long a lock is waited for. */
  lockMs: number
  /** Milliseconds of an access token's life below which it is not worth using. */
  marginMs: number
}

export type RefreshOutcome =
  | { kind: 'session'; record: SessionRecord; tokens: Tokens | null }
  | {
      kind: 'gone'
      sessionId: string | null
      gen: number
      reason: LogoutReason
      by: 'server' | 'other_context' | 'this'
    }
  | { kind: 'failed'; error: AuthError }

/**
 * Replaces the stored tokens by their successor, or by what another context stored meanwhile. Reads before it sends,
 * and again before every retry; the lock around it only saves requests.
 * @param known what the caller holds, and whose access token is of no use to it
 * @returns never throws
 */
export function refreshStored(ports: RefreshPorts, known: SessionRecord): Promise<RefreshOutcome> {
  const { storage, key, lockMs } = ports
  const work = () => attemptUntilDeadline(ports, known)
  return storage.lock(key, lockMs, work)
}

async function attemptUntilDeadline(ports: RefreshPorts, known: SessionRecord): Promise<RefreshOutcome> {
  const { wire, retry, timeoutMs } = ports
  const { clock } = wire
  const deadline = clock.monotonic() + timeoutMs
  for (let attempt = 1; ; attempt++) {
    const found = await mended(ports, known)
    const { record } = found
    if (!record) return elsewhere(found)
    const isNew = record.gen > known.gen && record.at !== known.at
    if (isNew && isUsable(record, ports)) return elsewhere(found)
    try {
      const tokens = await send(ports, record)
      return await keep(ports, record, tokens)
    } catch (thrown) {
      const error = thrown as AuthError
      if (endsSession(error)) return await end(ports, record, error.endReason ?? 'ended', 'server')
      if (isCookieLost(error, record)) return await end(ports, record, 'cookie_lost', 'this')
      if (error.code === 'refresh_superseded') {
        const again = await read(ports)
        if (again.gen === record.gen) return await overtaken(ports, record)
        continue
      }
      const wait = pauseOf(error, pauseAfter(error, attempt, retry))
      const hopeless = !error.retryable || (attempt >= 2 && clock.monotonic() >= deadline)
      if (hopeless || clock.monotonic() + wait > deadline) return { kind: 'failed', error }
      await clock.sleep(wait)
    }
  }
}

/** A lost reply is asked for again at once, the first time. */
function pauseAfter(error: AuthError, attempt: number, { baseMs, capMs }: RetryPolicy): number {
  return attempt === 1 && error instanceof NetworkError ? 0 : backoff(attempt, baseMs, capMs)
}

/**
 * What is stored; or what is held, written down again, where the store was set back behind it (a restored profile). An
 * empty store is no such case: somebody cleared it.
 */
async function mended(ports: RefreshPorts, known: SessionRecord): Promise<Found> {
  const found = await read(ports)
  if (found.gen >= known.gen || (!found.record && !found.end)) return found
  await ports.storage.advance(ports.key, JSON.stringify(known), known.gen)
  return read(ports)
}

/** Rule 4: only this ends a session. */
export function endsSession(error: AuthError): boolean {
  return error instanceof SessionEndedError || error.problem?.session_ended === true
}

/** Our own server says that the browser sent none, and nobody else can send it. */
function isCookieLost({ code }: AuthError, { rt }: SessionRecord): boolean {
  return rt === undefined && code === 'invalid_refresh_token'
}

async function send({ wire, timeoutMs, counters }: RefreshPorts, record: SessionRecord): Promise<Timed> {
  counters.refreshRequests++
  const ask: Ask = {
    method: 'POST',
    path: '/v1/auth/refresh',
    body: { refresh_token: record.rt },
    headers: record.rk === undefined ? {} : { 'refresh-key': record.rk },
    keepalive: record.rt !== undefined,
    timeoutMs: timeoutMs / 2,
  }
  return timed(await exchange(wire, ask))
}

/** Tokens and when they were on their way. */
export type Timed = { tokens: Tokens; sent: number; received: number }

/** @throws AuthError `bad_response` when the body holds no tokens */
export function timed({
  body,
  sent,
  received,
  status,
}: {
  body: unknown
  sent: number
  received: number
  status: number
}): Timed {
  const tokens = body as Tokens | null
  if (typeof tokens?.access_token !== 'string' || typeof tokens.expires_in !== 'number') {
    throw new NetworkError('bad_response', 'The answer holds no tokens.', { status, retryable: true })
  }
  return { tokens, sent, received }
}

/** The record of tokens that just came: with a fresh key, unless the token is one that has its key already. */
export function recordOf(
  iss: string,
  gen: number,
  { tokens, sent, received }: Timed,
  before?: SessionRecord,
): SessionRecord {
  const same = before?.n === tokens.generation && before.rt === tokens.refresh_token
  const key = same ? before.rk : freshKey()
  return {
    v: 1,
    gen,
    iss,
    sid: tokens.session_id,
    sub: tokens.user.id,
    ...(tokens.refresh_token !== undefined && { rt: tokens.refresh_token }),
    ...(key !== undefined && { rk: key }),
    at: tokens.access_token,
    rcv: received / 1000,
    exp: received / 1000 + tokens.expires_in,
    due: received / 1000 + dueIn(tokens),
    rexp: received / 1000 + tokens.refresh_expires_in,
    off: Math.round(Date.parse(tokens.server_time) - (sent + received) / 2) / 1000 || 0,
    n: tokens.generation,
  }
}

/** With ±5 % at random, so that tabs do not ask in step; never at once, whatever the server says. */
function dueIn({ expires_in, refresh_in }: Tokens): number {
  const wish = (refresh_in ?? expires_in * 0.75) * (0.95 + Math.random() * 0.1)
  return Math.max(wish, Math.min(5, expires_in), expires_in * 0.1)
}

async function keep(ports: RefreshPorts, sent: SessionRecord, answer: Timed): Promise<RefreshOutcome> {
  const record = recordOf(sent.iss, sent.gen + 1, answer, sent)
  const written = await ports.storage.advance(ports.key, JSON.stringify(record), record.gen)
  if (written) return { kind: 'session', record, tokens: answer.tokens }
  // Somebody was faster. What we got is dropped, key and all: the store goes on with theirs.
  return elsewhere(await read(ports))
}

async function overtaken(ports: RefreshPorts, record: SessionRecord): Promise<RefreshOutcome> {
  const body = { refresh_token: record.rt }
  const keepalive = record.rt !== undefined
  const ask: Ask = { method: 'POST', path: '/v1/auth/logout', body, keepalive, timeoutMs: ports.timeoutMs / 2 }
  await exchange(ports.wire, ask).catch(() => undefined)
  return end(ports, record, 'superseded', 'this')
}

async function end(
  { storage, key }: RefreshPorts,
  { sid }: SessionRecord,
  reason: string,
  by: 'server' | 'this',
): Promise<RefreshOutcome> {
  const { found, gen } = await bury(storage, key, reason, by === 'server' ? by : 'user', sid)
  if (found.record && gen === undefined) return elsewhere(found)
  return { kind: 'gone', sessionId: sid, gen: gen ?? found.gen, reason, by }
}

/** What another context has made of it. */
function elsewhere({ record, end, gen }: Found): RefreshOutcome {
  if (record) return { kind: 'session', record, tokens: null }
  return { kind: 'gone', sessionId: null, gen, reason: end?.reason ?? 'none', by: 'other_context' }
}

function isUsable({ at, rcv, exp }: SessionRecord, { wire, marginMs }: RefreshPorts): boolean {
  const now = wire.clock.wall()
  return at !== '' && now >= rcv * 1000 - 60_000 && exp * 1000 - now > marginMs
}

async function read({ storage, key }: RefreshPorts): Promise<Found> {
  return readRecord(await storage.get(key))
}
