import type { Tokens } from '../contract.ts'
import { type AuthError, NetworkError } from '../errors/errors.ts'
import { type Answer, exchange, notOurs } from '../http/exchange.ts'
import { mayTryAgain } from '../http/retry.ts'
import { within } from '../http/within.ts'
import type { Settings } from '../options.ts'
import type { KeptStorage } from '../storage/plain.ts'
import type { End } from './machine.ts'
import { type Found, freshKey, isRecord, type SessionRecord, type Store, unreadable } from './record.ts'

/** What is noted for diagnostics: a refresh was begun, a request was sent, or this came of it. */
export type Note = 'refreshes' | 'refreshRequests' | RefreshOutcome

export type RefreshPorts = Omit<Settings, 'storage'> & { storage: KeptStorage; store: Store }

/** `tokens`: they came from the server just now. `sid`: whose end it is; of whatever was held, where it is null. */
export type RefreshOutcome = Refreshed | Ended | Failed
export type Refreshed = { record: SessionRecord; tokens?: Tokens }
export type Ended = { end: End; sid: string | null }
export type Failed = { error: AuthError }

/**
 * Replaces the stored tokens by their successor, or by what another context stored meanwhile. Reads before it sends,
 * and again before every retry; the lock around it only saves requests. It is over before the patience of its callers.
 * @param known what the caller holds, and whose access token is of no use to it
 * @throws what the storage throws, and that it cannot be read
 */
export function refreshStored(ports: RefreshPorts, known: SessionRecord): Promise<RefreshOutcome> {
  const { storage, store, storageKey: key, timeoutMs, clock } = ports
  const deadline = clock.monotonic() + timeoutMs * 0.9
  const post = (path: string, { rt }: SessionRecord, headers?: Record<string, string>) =>
    within({ timeoutMs: Math.max(1, Math.min(timeoutMs / 2, deadline - clock.monotonic())) }, (signal) =>
      exchange(ports, { path, body: { refresh_token: rt }, headers, keepalive: !!rt, signal }),
    )

  async function untilDeadline(): Promise<RefreshOutcome> {
    for (let attempt = 1; ; attempt++) {
      let found = await store.read(known)
      // The store was set back behind what is held (a restored profile). An empty one is no such case: somebody cleared it;
      // nor is a record of somebody else, who logged in after that.
      const isOurs = found.record ? found.record.sub === known.sub : found.end!.reason !== 'none'
      if (found.gen < known.gen && isOurs) {
        await store.put(known)
        found = await store.read(known)
      }
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
        if (!record.rt && error.code === 'invalid_refresh_token') return end(record, 'cookie_lost')
        if (error.code === 'refresh_superseded') {
          const { gen, unknown } = await store.read()
          if (!unknown) {
            if (gen > record.gen) continue
            // The store was overtaken.
            await post('/v1/auth/logout', record).catch(() => undefined)
            return end(record, 'superseded')
          }
        }
        // A lost reply is asked for again at once, the first time.
        const atOnce = attempt === 1 && error instanceof NetworkError
        if (!(await mayTryAgain(ports, error, atOnce ? 0 : attempt, deadline))) return { error }
      }
    }
  }

  async function send(sent: SessionRecord): Promise<RefreshOutcome> {
    ports.note?.('refreshRequests')
    const answer = await post('/v1/auth/refresh', sent, sent.rk ? { 'refresh-key': sent.rk } : undefined)
    const record = recordOf(sent.iss, sent.gen + 1, answer, sent)
    const done = await store.put(record, true)
    // Somebody was faster: what we got is dropped, key and all, and the store goes on with theirs.
    if (done === false) return elsewhere(await store.read())
    const { gen, rt, rk } = sent
    // Others refresh what is stored: a key that only we knew would make two users of the one successor.
    return { record: done ? record : { ...record, gen, rt, rk }, tokens: answer.body as Tokens }
  }

  async function end(record: SessionRecord, reason: string, by?: 'server'): Promise<RefreshOutcome> {
    const { found, written } = await store.bury(reason, by ?? 'user', record, 'sid')
    if (found.record && !written) return elsewhere(found)
    return { sid: record.sid, end: { gen: (written ?? found).gen, reason, initiator: by ?? 'this' } }
  }

  // Five seconds at most.
  return storage.lock(key, Math.min(5000, timeoutMs / 4), untilDeadline)
}

/** What another context has made of it. */
function elsewhere({ record, end, unknown }: Found): RefreshOutcome {
  if (unknown) throw unreadable()
  return record ? { record } : { sid: null, end: { ...end!, initiator: 'other_context' } }
}

/** With less than five seconds left, the token of somebody else's refresh is not worth taking. */
function isUsable({ at, rcv, exp }: SessionRecord, now: number): boolean {
  return !!at && now >= rcv * 1000 - 60_000 && exp * 1000 - now > 5000
}

/**
 * The record of tokens that just came: with a fresh key, unless the token is one that has its key already.
 * @throws AuthError `bad_response` when they are none
 */
export function recordOf(
  iss: string,
  gen: number,
  { body, sent, received, status }: Answer,
  before?: SessionRecord,
): SessionRecord {
  const tokens = { ...(body as Tokens) }
  const { generation: n, refresh_token: rt } = tokens
  const rk = before?.n === n && before?.rt === rt ? before?.rk : freshKey()
  const rcv = received / 1000
  const record: SessionRecord = {
    v: 1,
    gen,
    iss,
    sid: tokens.session_id,
    sub: tokens.user?.id,
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
  // A refresh brings what was asked for: the same session of the same user, by the same way.
  const { sid, sub, rt: old } = before ?? record
  const same = sid === record.sid && sub === record.sub && typeof old === typeof rt
  if (isRecord(record) && record.at && tokens.expires_in >= 1 && same) return record
  throw notOurs(status)
}

/** With ±5 % at random, so that tabs do not ask in step; never at once, whatever the server says. */
function dueIn({ expires_in, refresh_in }: Tokens): number {
  const wish = (refresh_in ?? expires_in * 0.75) * (0.95 + Math.random() * 0.1)
  return Math.max(wish, Math.min(5, expires_in), expires_in * 0.1)
}
