/**
 * The life of a session in a client as one pure function. It knows no tokens, no storage and no network: it is told what
 * happened and answers with the next state and what is to be done. Times are ticks of one clock that never goes back.
 */

/** What the machine knows of a session. `gen` is the place of its record in the store's order. */
export type Held = {
  readonly gen: number
  readonly sessionId: string
  readonly dueAt: number
  readonly expiresAt: number
}

/** Who ended a session: this client, another tab or process on the same store, or the server. */
export type Initiator = 'this' | 'other_context' | 'server'
/** Why there is no session: `none` (never was), `user`, `superseded`, or an `end_reason` of the server. */
export type LogoutReason = 'none' | 'user' | 'superseded' | (string & {})
export type End = { readonly reason: LogoutReason; readonly initiator: Initiator; readonly gen: number }

/** Whether the access token is still good while its successor is on the way. */
export type Over = 'active' | 'expired'

type Situation<H extends Held> =
  | { readonly status: 'loading' }
  | { readonly status: 'logged_out'; readonly end: End }
  | { readonly status: 'active'; readonly held: H }
  | {
      readonly status: 'refreshing'
      readonly held: H
      readonly over: Over
      readonly attempt: number
      readonly told: boolean
    }
  | {
      readonly status: 'refresh_failed'
      readonly held: H
      readonly over: Over
      readonly attempt: number
      /** Whether listeners know that the token could not be replaced in time. */
      readonly told: boolean
      readonly retryAt: number
      readonly error: unknown
    }

/** `flight`: a refresh was asked for and has not been answered yet. */
export type State<H extends Held = Held> = { readonly flight: boolean } & Situation<H>

export type Event<H extends Held = Held> =
  /** The store was read for the first time. */
  | { readonly type: 'loaded'; readonly found: H | End }
  /** Somebody needs a token. `force`: not the one of this generation. `early`: do not wait for `retryAt`. */
  | {
      readonly type: 'needed'
      readonly now: number
      readonly force?: number | undefined
      readonly early?: boolean | undefined
    }
  /** Another context wrote to the store. */
  | { readonly type: 'stored'; readonly found: H | End }
  | { readonly type: 'refreshed'; readonly held: H; readonly now: number }
  | { readonly type: 'failed'; readonly error: unknown; readonly retryAt: number; readonly now: number }
  /** The refresh found the session gone: by a verdict of the server, or a tombstone. */
  | {
      readonly type: 'ended'
      /** Of which session; null where the store says so of whatever was held when it was asked: `known`. */
      readonly sessionId: string | null
      readonly known: number
      readonly end: End
      readonly now: number
    }
  | { readonly type: 'logged_in'; readonly held: H }
  | { readonly type: 'logout'; readonly reason: LogoutReason }

/**
 * What becomes of a session. `initial` is told once, when the storage was read; `recovered` after a `refresh_failed`.
 */
export type News = 'initial' | 'logged_in' | 'token_refreshed' | 'refresh_failed' | 'recovered' | 'logged_out'

/**
 * What is to be done. News are told. `refresh`: what the new state holds. `settle`: the refresh that was under way is over
 * for those who wait, and they look at the state again. `revoke`: a refresh brought tokens after the logout, and they must
 * not stay alive.
 */
export type Effect = News | 'refresh' | 'settle' | 'revoke'

type Step<H extends Held> = readonly [next: State<H>, ...effects: Effect[]]

export const initialState: State<never> = { status: 'loading', flight: false }

/** What any state may hold. */
type Parts<H extends Held> = { held: H; end: End; attempt: number; told: boolean; retryAt: number }

/** @returns the next state and what is to be done, in this order */
export function step<H extends Held>(state: State<H>, event: Event<H>): Step<H> {
  const { status } = state
  const { held, end, told, attempt, retryAt } = state as Partial<Parts<H>>
  const place = held?.gen ?? end?.gen ?? -1
  const flight = state.flight && !/^(refreshed|failed|ended)$/.test(event.type)
  const same: State<H> = { ...state, flight }

  const active = (next: H, ...effects: Effect[]): Step<H> => [{ status: 'active', held: next, flight }, ...effects]
  const ended = (next: End, ...effects: Effect[]): Step<H> => [{ status: 'logged_out', end: next, flight }, ...effects]
  const replaced = (next: H): Step<H> => {
    const news: News = held?.sessionId === next.sessionId ? 'token_refreshed' : 'logged_in'
    return told ? active(next, 'recovered', news, 'settle') : active(next, news, 'settle')
  }

  switch (event.type) {
    case 'loaded': {
      const { found } = event
      if (status !== 'loading') return [state]
      return isEnd(found) ? ended(found, 'initial') : active(found, 'initial')
    }
    case 'stored': {
      const { found } = event
      if (status === 'loading' || found.gen <= place) return [state]
      if (!isEnd(found)) return replaced(found)
      // One end after another tells nobody anything.
      return end
        ? ended({ ...end, gen: found.gen })
        : ended({ ...found, initiator: 'other_context' }, 'logged_out', 'settle')
    }
    case 'logged_in':
      return active(event.held, 'logged_in', 'settle')
    case 'logout': {
      const { reason } = event
      return end ? [state] : ended({ reason, initiator: 'this', gen: place + 1 }, 'logged_out', 'settle')
    }
  }
  const { now } = event
  if (!held) {
    if (event.type === 'needed') return [state]
    // The logout overtook the refresh: what it brought is discarded.
    const isLate = event.type === 'refreshed' && end && event.held.gen <= end.gen
    return isLate ? [same, 'revoke', 'settle'] : [same, 'settle']
  }
  const expired = now >= held.expiresAt
  const over = expired ? 'expired' : 'active'
  /** Once the token has expired, listeners hear that it could not be replaced in time. */
  const news: Effect[] = expired && !told ? ['refresh_failed'] : []
  const late = { over, told: told || expired } as const
  /** Never a second refresh beside one that is not answered yet; the answer of that one sends it. */
  const start = (count: number, ...tell: Effect[]): Step<H> => {
    const isTold = told || tell.length > 0
    const next = { status: 'refreshing', held, over, attempt: count, told: isTold, flight: true } as const
    return flight ? [next, ...tell] : [next, ...tell, 'refresh']
  }
  switch (event.type) {
    case 'needed': {
      if (status === 'active') return now >= held.dueAt || event.force === place ? start(1) : [state]
      if (status !== 'refresh_failed') return [state]
      if (now >= retryAt! || event.early) return start(attempt! + 1, ...news)
      return [news.length > 0 ? { ...state, ...late } : state, ...news]
    }
    case 'failed': {
      if (status !== 'refreshing') return [same, 'settle']
      const { retryAt, error } = event
      return [{ ...state, flight, status: 'refresh_failed', ...late, retryAt, error }, ...news, 'settle']
    }
  }
  if (event.type === 'refreshed') {
    if (event.held.gen > place) return replaced(event.held)
    // A verdict may be about the session that was here before this one.
  } else if (event.sessionId === null ? event.known === place : event.sessionId === held.sessionId) {
    return ended(event.end, 'logged_out', 'settle')
  }
  // The flight was not for what is held now: if that is still needed, it gets its own.
  return status === 'refreshing' ? start(attempt!) : [same, 'settle']
}

function isEnd<H extends Held>(found: H | End): found is End {
  return 'reason' in found
}
