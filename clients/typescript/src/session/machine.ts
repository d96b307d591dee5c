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
  | { readonly type: 'needed'; readonly now: number; readonly force?: number; readonly early?: boolean }
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

export type Effect<H extends Held = Held> =
  | { readonly do: 'refresh'; readonly held: H }
  | { readonly do: 'tell'; readonly news: News }
  /** The refresh that was under way is over for those who wait: they look at the state again. */
  | { readonly do: 'settle' }
  /** A refresh brought tokens after the logout: they must not stay alive. */
  | { readonly do: 'revoke'; readonly held: H }

type Step<H extends Held> = readonly [State<H>, readonly Effect<H>[]]

const settle = { do: 'settle' } as const
const tell = (news: News) => ({ do: 'tell', news }) as const

export const initialState: State<never> = { status: 'loading', flight: false }

/** @returns the next state and what is to be done, in this order */
export function step<H extends Held>(state: State<H>, event: Event<H>): Step<H> {
  switch (event.type) {
    case 'loaded':
      if (state.status !== 'loading') return [state, []]
      return [isEnd(event.found) ? loggedOut(state, event.found) : active(state, event.found), [tell('initial')]]
    case 'needed':
      return needed(state, event)
    case 'stored':
      return stored(state, event.found)
    case 'refreshed':
      return refreshed({ ...state, flight: false }, event.held, event.now)
    case 'failed':
      return failed({ ...state, flight: false }, event)
    case 'ended':
      return ended({ ...state, flight: false }, event)
    case 'logged_in':
      return [active(state, event.held), [tell('logged_in'), settle]]
    case 'logout': {
      if (state.status === 'logged_out') return [state, []]
      const gen = 'held' in state ? state.held.gen + 1 : 0
      return [
        loggedOut(state, { reason: event.reason ?? 'user', initiator: 'this', gen }),
        [tell('logged_out'), settle],
      ]
    }
  }
}

function needed<H extends Held>(state: State<H>, event: Event<H> & { type: 'needed' }): Step<H> {
  const { now, force, early } = event
  if (state.status === 'active') {
    const { held } = state
    return now >= held.dueAt || force === held.gen ? start(state, held, now, 1, false) : [state, []]
  }
  if (state.status !== 'refresh_failed') return [state, []]
  const late = overOf(state.held, now) === 'expired' && !state.told
  if (now >= state.retryAt || early) {
    const told = state.told || late
    const [next, effects] = start(state, state.held, now, state.attempt + 1, told)
    return [next, late ? [tell('refresh_failed'), ...effects] : effects]
  }
  return late ? [{ ...state, over: 'expired', told: true }, [tell('refresh_failed')]] : [state, []]
}

/** Never a second refresh beside one that is not answered yet; the answer of that one sends it. */
function start<H extends Held>(state: State<H>, held: H, now: number, attempt: number, told: boolean): Step<H> {
  const next = { status: 'refreshing', held, over: overOf(held, now), attempt, told, flight: true } as const
  return [next, state.flight ? [] : [{ do: 'refresh', held }]]
}

function stored<H extends Held>(state: State<H>, found: H | End): Step<H> {
  if (state.status === 'loading') return [state, []]
  if (found.gen <= placeOf(state)) return [state, []]
  if (isEnd(found)) {
    // One end after another tells nobody anything.
    if (state.status === 'logged_out') return [loggedOut(state, { ...state.end, gen: found.gen }), []]
    return [loggedOut(state, { ...found, initiator: 'other_context' }), [tell('logged_out'), settle]]
  }
  const login = state.status === 'logged_out' || state.held.sessionId !== found.sessionId
  return [active(state, found), [...recovery(state), tell(login ? 'logged_in' : 'token_refreshed'), settle]]
}

function refreshed<H extends Held>(state: State<H>, held: H, now: number): Step<H> {
  if (state.status === 'loading') return [state, [settle]]
  // The logout overtook the refresh: what it brought is discarded.
  if (state.status === 'logged_out')
    return [state, held.gen > state.end.gen ? [settle] : [{ do: 'revoke', held }, settle]]
  if (held.gen <= state.held.gen) return again(state, now)
  const other = state.held.sessionId !== held.sessionId
  return [active(state, held), [...recovery(state), tell(other ? 'logged_in' : 'token_refreshed'), settle]]
}

function failed<H extends Held>(state: State<H>, event: Event<H> & { type: 'failed' }): Step<H> {
  if (state.status !== 'refreshing') return [state, [settle]]
  const { held, attempt } = state
  const over = overOf(held, event.now)
  const news = over === 'expired' && !state.told
  const told = state.told || over === 'expired'
  const { retryAt, error } = event
  const next = { status: 'refresh_failed', held, over, attempt, told, retryAt, error, flight: false } as const
  return [next, news ? [tell('refresh_failed'), settle] : [settle]]
}

function ended<H extends Held>(state: State<H>, event: Event<H> & { type: 'ended' }): Step<H> {
  const { sessionId, known, end, now } = event
  if (state.status === 'loading' || state.status === 'logged_out') return [state, [settle]]
  // The verdict was about the session that was here before this one.
  const ours = sessionId === null ? known === state.held.gen : sessionId === state.held.sessionId
  if (!ours) return again(state, now)
  return [loggedOut(state, end), [tell('logged_out'), settle]]
}

/** The flight that ended was not for what is held now: if that is still needed, it gets its own. */
function again<H extends Held>(state: State<H>, now: number): Step<H> {
  if (state.status !== 'refreshing') return [state, [settle]]
  return start({ ...state, flight: false }, state.held, now, state.attempt, state.told)
}

function active<H extends Held>(state: State<H>, held: H): State<H> {
  return { status: 'active', held, flight: state.flight }
}

function loggedOut<H extends Held>(state: State<H>, end: End): State<H> {
  return { status: 'logged_out', end, flight: state.flight }
}

function recovery<H extends Held>(state: State<H>): Effect<H>[] {
  const told = (state.status === 'refreshing' || state.status === 'refresh_failed') && state.told
  return told ? [tell('recovered')] : []
}

function placeOf<H extends Held>(state: State<H>): number {
  if (state.status === 'loading') return -1
  return state.status === 'logged_out' ? state.end.gen : state.held.gen
}

export function isEnd<H extends Held>(found: H | End): found is End {
  return 'reason' in found
}

function overOf(held: Held, now: number): Over {
  return now >= held.expiresAt ? 'expired' : 'active'
}
