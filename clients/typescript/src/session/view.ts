import type { AuthError } from '../errors/errors.ts'
import type { End, Held, Initiator, LogoutReason, Over, State } from './machine.ts'
import type { SessionRecord } from './record.ts'

/** What an application sees of a session. No tokens: those come from `getAccessToken()` alone. */
export type Session = {
  /** As the device list names it. */
  readonly id: string
  /** The `sub` of its access tokens. */
  readonly userId: string
  /** How many times it was refreshed, as the server counts. */
  readonly generation: number
  /** When the access token expires, by this machine's clock. */
  readonly accessTokenExpiresAt: Date
  /** When the session lapses if it is not used, by this machine's clock. */
  readonly expiresAt: Date
}

/** A snapshot; it is replaced when something changes, and never changes itself. */
export type SessionState =
  | { readonly status: 'loading'; readonly session: null }
  | {
      readonly status: 'logged_out'
      readonly session: null
      readonly reason: LogoutReason
      readonly initiator: Initiator
    }
  | { readonly status: 'active'; readonly session: Session }
  | { readonly status: 'refreshing'; readonly session: Session; readonly over: Over; readonly attempt: number }
  | {
      readonly status: 'refresh_failed'
      readonly session: Session
      readonly over: Over
      readonly attempt: number
      /** Milliseconds until the next try of its own. */
      readonly retryInMs: number
      readonly error: AuthError
    }

/** The machine's `Held` with what it does not look at. */
export type HeldRecord = Held & { readonly record: SessionRecord; readonly session: Session }

/** @param now ticks */
export function viewOf(state: State<HeldRecord>, now: number): SessionState {
  const { flight: _flight, told: _told, held, end, retryAt, ...shown } = state as Partial<Everything>
  const { gen: _gen, ...why } = { ...end }
  return Object.freeze({
    ...shown,
    ...why,
    session: held?.session ?? null,
    ...(retryAt !== undefined && { retryInMs: Math.max(0, retryAt - now) }),
  }) as SessionState
}

/** What a state may hold. */
export type Everything = { flight: boolean; told: boolean; held: HeldRecord; end: End; retryAt: number }

/**
 * Puts a record on the tick clock.
 * @param wall milliseconds since 1970
 */
export function hold(record: SessionRecord, wall: number, now: number): HeldRecord {
  // A clock that was set back since says nothing about how old the token is: take it as expired.
  const none = !record.at || wall < record.rcv * 1000 - 60_000
  const left = (at: number) => (none ? 0 : Math.min(at - record.rcv, at - wall / 1000) * 1000)
  return {
    gen: record.gen,
    sessionId: record.sid,
    dueAt: now + left(record.due),
    expiresAt: now + left(record.exp),
    record,
    session: Object.freeze({
      id: record.sid,
      userId: record.sub,
      generation: record.n,
      accessTokenExpiresAt: new Date(record.exp * 1000),
      expiresAt: new Date(record.rexp * 1000),
    }),
  }
}
