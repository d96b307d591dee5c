import type { Tokens } from '../contract.ts'
import { type AuthError, NetworkError } from '../errors/errors.ts'
import { type Answer, exchange, notOurs } from '../http/exchange.ts'
import { backoff, mayTryAgain } from '../http/retry.ts'
import type { Settings } from '../options.ts'
import type { KeptStorage } from '../storage/plain.ts'
import type { End } from './machine.ts'
import { bury, type Found, freshKey, readRecord, type SessionRecord } from './record.ts'

/** What is noted for diagnostics: a refresh was begun, a request was sent, or this came of it. */
export type Note = 'refreshes' | 'refreshRequests' | RefreshOutcome

export type RefreshPorts = Omit<Settings, 'storage'> & { storage: KeptStorage }

/** `tokens`: they came from the server just now. `sid`: whose end it is; of whatever was held, where it is null. */
export type RefreshOutcome =
  | { record: SessionRecord; tokens?: Tokens }
  | { end: End; sid: string | null }
  | { error: AuthError }

/** Less than this left, and the token of somebody else's refresh is not worth taking. */
const marginMs = 5000
/** How long a lock is waited for. */
const lockMs = 5000

/**
 * Replaces the stored tokens by their successor, or by what another context stored meanwhile. Reads before it sends,
 * and again before every retry; the lock around it only saves requests.
 * @param known what the caller holds, and whose access token is of no use to it
 * @throws what the storage throws, and nothing else
 */
export function refreshStored(ports: RefreshPorts, known: SessionRecord): Promise<RefreshOutcome> {
  const { storage, storageKey: key, retry, timeoutMs, clock } = ports
  const read = async () => readRecord(await storage.get(key))
  const post = (path: string, { rt }: SessionRecord, headers?: Record<string, string>) =>
    exchange(ports, {
      path,
      body: { refresh_token: rt },
      headers,
      keepalive: rt !== undefined,
      timeoutMs: timeoutMs / 2,
    })

  async function untilDeadline(): Promise<RefreshOutcome> {
    const deadline = clock.monotonic() + timeoutMs
    for (let attempt = 1; ; attempt++) {
      const found = await mended()
      const { record } = found
      if (!record) return elsewhere(found)
      if (record.gen > known.gen && record.at !== known.at && isUsable(record, clock.wall())) return { record }
      try {
        return await send(record)
      } catch (thrown) {
        const error = thrown as AuthError
        // Rule 4: only this ends a session.
        if (error.problem?.session_ended === true) return end(record, error.endReason ?? 'ended', 'server')
        // Our own server says that the browser sent none, and nobody else can send it.
        if (record.rt === undefined && error.code === 'invalid_refresh_token') return end(record, 'cookie_lost')
        if (error.code === 'refresh_superseded') {
          if ((await read()).gen > record.gen) continue
          // The store was overtaken.
          await post('/v1/auth/logout', record).catch(() => undefined)
          return end(record, 'superseded')
        }
        // A lost reply is asked for again at once, the first time.
        const atOnce = attempt === 1 && error instanceof NetworkError
        const pause = atOnce ? 0 : backoff(attempt, retry.baseMs, retry.capMs)
        if (!(await mayTryAgain(clock, error, pause, deadline))) return { error }
      }
    }
  }

  /**
   * What is stored; or what is held, written down again, where the store was set back behind it (a restored profile). An
   * empty store is no such case: somebody cleared it.
   */
  async function mended(): Promise<Found> {
    const found = await read()
    if (found.gen >= known.gen || found.end?.reason === 'none') return found
    await storage.advance(key, JSON.stringify(known), known.gen)
    return read()
  }

  async function send(sent: SessionRecord): Promise<RefreshOutcome> {
    ports.note?.('refreshRequests')
    const answer = withTokens(await post('/v1/auth/refresh', sent, sent.rk ? { 'refresh-key': sent.rk } : undefined))
    const record = recordOf(sent.iss, sent.gen + 1, answer, sent)
    const written = await storage.advance(key, JSON.stringify(record), record.gen)
    // Somebody was faster: what we got is dropped, key and all, and the store goes on with theirs.
    return written ? { record, tokens: answer.body } : elsewhere(await read())
  }

  async function end({ sid }: SessionRecord, reason: string, by?: 'server'): Promise<RefreshOutcome> {
    const { found, written } = await bury(storage, key, { ended: reason, by: by ?? 'user', sid })
    if (found.record && !written) return elsewhere(found)
    return { sid, end: { gen: (written ?? found).gen, reason, initiator: by ?? 'this' } }
  }

  return storage.lock(key, lockMs, untilDeadline)
}

/** What another context has made of it. */
function elsewhere({ record, end }: Found): RefreshOutcome {
  return record ? { record } : { sid: null, end: { ...end, initiator: 'other_context' } }
}

function isUsable({ at, rcv, exp }: SessionRecord, now: number): boolean {
  return !!at && now >= rcv * 1000 - 60_000 && exp * 1000 - now > marginMs
}

export type TokenAnswer = Answer & { body: Tokens }

/** @throws AuthError `bad_response` when the body holds no tokens */
export function withTokens(answer: Answer): TokenAnswer {
  const { access_token, expires_in } = (answer.body ?? {}) as Partial<Tokens>
  if (typeof access_token === 'string' && typeof expires_in === 'number') return answer as TokenAnswer
  throw notOurs(answer.status)
}

/** The record of tokens that just came: with a fresh key, unless the token is one that has its key already. */
export function recordOf(
  iss: string,
  gen: number,
  { body: tokens, sent, received }: TokenAnswer,
  before?: SessionRecord,
): SessionRecord {
  const { generation: n, refresh_token: rt } = tokens
  const rk = before?.n === n && before.rt === rt ? before.rk : freshKey()
  const rcv = received / 1000
  return {
    v: 1,
    gen,
    iss,
    sid: tokens.session_id,
    sub: tokens.user.id,
    rt,
    rk,
    at: tokens.access_token,
    rcv,
    exp: rcv + tokens.expires_in,
    due: rcv + dueIn(tokens),
    rexp: rcv + tokens.refresh_expires_in,
    off: Math.round(Date.parse(tokens.server_time) - (sent + received) / 2) / 1000 || 0,
    n,
  }
}

/** With ±5 % at random, so that tabs do not ask in step; never at once, whatever the server says. */
function dueIn({ expires_in, refresh_in }: Tokens): number {
  const wish = (refresh_in ?? expires_in * 0.75) * (0.95 + Math.random() * 0.1)
  return Math.max(wish, Math.min(5, expires_in), expires_in * 0.1)
}
