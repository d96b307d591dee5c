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
  | { readonly type: 'logout'; readonly reason?: LogoutReason }

export type News = 'initial' | 'logged_in' | 'token_refreshed' | 'refresh_failed' | 'recovered' | 'logged_out'

/**
 * What is to be done. News are told. `refresh`: what the new state holds. `settle`: the refresh that was under way is over
 * for those who wait, and they look at the state again. `revoke`: a refresh brought tokens after the logout, and they must
 * not stay alive.
 */
export type Effect = News | 'refresh' | 'settle' | 'revoke'

type Step<H extends Held> = readonly [next: State<H>, ...effects: Effect[]]

export const initialState: State<never> = { status: 'loading', flight: false }

/** @returns the next state and what is to be done, in this order */
export function step<H extends Held>(state: State<H>, event: Event<H>): Step<H> {
  switch (event.type) {
    case 'loaded': {
      const { found } = event
      if (state.status !== 'loading') return [state]
      return [isEnd(found) ? loggedOut(state, found) : active(state, found), 'initial']
    }
    case 'needed':
      return needed(state, event)
    case 'stored':
      return stored(state, event.found)
    case 'logged_in':
      return [active(state, event.held), 'logged_in', 'settle']
    case 'logout': {
      if ('end' in state) return [state]
      const end = { reason: event.reason ?? 'user', initiator: 'this', gen: placeOf(state) + 1 } as const
      return [loggedOut(state, end), 'logged_out', 'settle']
    }
    default:
      return landed({ ...state, flight: false }, event)
  }
}

function needed<H extends Held>(state: State<H>, { now, force, early }: Event<H> & { type: 'needed' }): Step<H> {
  if (state.status === 'active') {
    return now >= state.held.dueAt || force === state.held.gen ? start(state, now, 1, false) : [state]
  }
  if (state.status !== 'refresh_failed') return [state]
  const { over, told, news } = lateness(state, now)
  if (now >= state.retryAt || early) {
    const [next, ...effects] = start(state, now, state.attempt + 1, told)
    return [next, ...news, ...effects]
  }
  return [told === state.told ? state : { ...state, over, told }, ...news]
}

type Holding<H extends Held> = State<H> & { readonly held: H }

/** Never a second refresh beside one that is not answered yet; the answer of that one sends it. */
function start<H extends Held>({ held, flight }: Holding<H>, now: number, attempt: number, told: boolean): Step<H> {
  const next = { status: 'refreshing', held, over: overOf(held, now), attempt, told, flight: true } as const
  return flight ? [next] : [next, 'refresh']
}

/** Once the token has expired, listeners hear that it could not be replaced in time. */
function lateness<H extends Held>(state: Holding<H> & { readonly told: boolean }, now: number) {
  const over = overOf(state.held, now)
  const told = state.told || over === 'expired'
  const news: Effect[] = told === state.told ? [] : ['refresh_failed']
  return { over, told, news }
}

function stored<H extends Held>(state: State<H>, found: H | End): Step<H> {
  if (state.status === 'loading' || found.gen <= placeOf(state)) return [state]
  if (!isEnd(found)) return replaced(state, found)
  // One end after another tells nobody anything.
  if ('end' in state) return [loggedOut(state, { ...state.end, gen: found.gen })]
  return [loggedOut(state, { ...found, initiator: 'other_context' }), 'logged_out', 'settle']
}

type Landing<H extends Held> = Event<H> & { type: 'refreshed' | 'failed' | 'ended' }

/** A refresh came back. */
function landed<H extends Held>(state: State<H>, event: Landing<H>): Step<H> {
  if (event.type === 'failed') {
    if (state.status !== 'refreshing') return [state, 'settle']
    const { now, retryAt, error } = event
    const { over, told, news } = lateness(state, now)
    return [{ ...state, status: 'refresh_failed', over, told, retryAt, error }, ...news, 'settle']
  }
  if (!('held' in state)) {
    // The logout overtook the refresh: what it brought is discarded.
    const late = event.type === 'refreshed' && 'end' in state && event.held.gen <= state.end.gen
    return late ? [state, 'revoke', 'settle'] : [state, 'settle']
  }
  const { gen, sessionId } = state.held
  if (event.type === 'refreshed' && event.held.gen > gen) return replaced(state, event.held)
  // A verdict may be about the session that was here before this one.
  const ours =
    event.type === 'ended' && (event.sessionId === null ? event.known === gen : event.sessionId === sessionId)
  if (ours) return [loggedOut(state, event.end), 'logged_out', 'settle']
  // The flight was not for what is held now: if that is still needed, it gets its own.
  if (state.status === 'refreshing') return start(state, event.now, state.attempt, state.told)
  return [state, 'settle']
}

function replaced<H extends Held>(state: State<H>, held: H): Step<H> {
  const same = 'held' in state && state.held.sessionId === held.sessionId
  const recovered: Effect[] = 'told' in state && state.told ? ['recovered'] : []
  return [active(state, held), ...recovered, same ? 'token_refreshed' : 'logged_in', 'settle']
}

function active<H extends Held>({ flight }: State<H>, held: H): State<H> {
  return { status: 'active', held, flight }
}

function loggedOut<H extends Held>({ flight }: State<H>, end: End): State<H> {
  return { status: 'logged_out', end, flight }
}

function placeOf<H extends Held>(state: State<H>): number {
  return 'held' in state ? state.held.gen : 'end' in state ? state.end.gen : -1
}

function isEnd<H extends Held>(found: H | End): found is End {
  return 'reason' in found
}

function overOf({ expiresAt }: Held, now: number): Over {
  return now >= expiresAt ? 'expired' : 'active'
}
