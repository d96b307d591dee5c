import { startTicks } from '../clock.ts'
import type { User } from '../contract.ts'
import { AuthError, LoggedOutError, RefreshUnavailableError, SessionEndedError } from '../errors/errors.ts'
import type { Wire } from '../http/exchange.ts'
import { backoff, pauseOf, type RetryPolicy } from '../http/retry.ts'
import { besideCookie } from '../storage/beside-cookie.ts'
import { type KeptStorage, resilient } from '../storage/resilient.ts'
import type { SessionStorage } from '../storage/storage.ts'
import { bury } from './bury.ts'
import { nameOf, shareFlight } from './flights.ts'
import { type End, type Event, initialState, type News, type State, step } from './machine.ts'
import { type Found, readRecord, type SessionRecord } from './record.ts'
import { type RefreshOutcome, type RefreshPorts, recordOf, refreshStored, type Timed } from './refresh.ts'
import { type HeldRecord, hold, type SessionState, viewOf } from './view.ts'

export type AuthEvent = {
  readonly type: News | 'user_updated' | 'storage_unavailable' | 'clock_skew'
  readonly state: SessionState
  /** When, by this machine's clock. */
  readonly at: Date
  /** Of `logged_out`. */
  readonly reason?: string
  readonly initiator?: 'this' | 'other_context' | 'server'
}

export type KeeperOptions = {
  wire: Wire
  storage: SessionStorage
  storageKey: string
  lock: 'auto' | 'none'
  delivery: 'body' | 'cookie'
  retry: RetryPolicy
  timeoutMs: number
  crossTab: boolean
  /** What a listener threw, and what a storage did. */
  onError(error: unknown): void
  /** Tells the server that what a late refresh brought is not wanted. */
  revoke(record: SessionRecord): Promise<unknown>
}

export type TokenWish = { minValidMs?: number; forceRefresh?: boolean; early?: boolean; refused?: string }

export type Keeper = {
  readonly storage: KeptStorage
  readonly counters: { refreshes: number; refreshRequests: number; adopted: number; failures: number }
  state(): State<HeldRecord>
  view(): SessionState
  ticks(): number
  user(): User | null
  skewMs(): number
  lastRefresh(): Date | null
  /** Reads the storage, once. */
  load(): Promise<void>
  /** Reads it again: another context may have written. */
  look(): Promise<void>
  /** @throws LoggedOutError, SessionEndedError, RefreshUnavailableError */
  token(wish?: TokenWish): Promise<string>
  /** A login: replaces whatever is stored, and is not overtaken by a logout of before. */
  begin(answer: Timed): Promise<void>
  /** New tokens of the session that goes on, for example after a changed password. */
  renew(answer: Timed): Promise<void>
  /**
   * Ends the session here, at once; the tombstone is written beside.
   * @returns the record that was stored, for whoever tells the server
   */
  end(reason?: string): Promise<SessionRecord | null>
  setUser(user: User): void
  /** Runs what makes the server set a cookie, while no other tab does. */
  inTurn<T>(work: () => Promise<T>): Promise<T>
  /** Now may be better than later: a timer, the network came back, the page is seen again. */
  wake(): void
  listen(listener: (event: AuthEvent) => void): () => void
  listening(): boolean
  /** Called after each new state, for the timers of a page. */
  plan(each: () => void): () => void
  close(): void
}

/** Less than this left, and a token may expire on its way. */
const marginMs = 5000
const skewWorthTelling = 60_000
const lockMs = 5000

/** Keeps one session: holds its state, reads and writes its record, refreshes it. Does nothing until it is asked. */
export function keepSession(options: KeeperOptions): Keeper {
  const { wire, storageKey: key } = options
  const { clock } = wire
  const ticks = startTicks(clock)
  const listeners = new Set<(event: AuthEvent) => void>()
  const counters = { refreshes: 0, refreshRequests: 0, adopted: 0, failures: 0 }
  const { timeoutMs } = options
  const inCookie = options.delivery === 'cookie'
  const turns = options.lock === 'auto' && !!options.storage.lock && !!globalThis.navigator?.locks
  const troubled = (error: unknown) => {
    options.onError(error)
    tell('storage_unavailable')
  }
  const place = { name: nameOf(options.storage, key), key, turns, waitMs: timeoutMs, troubled }
  const storage = inCookie
    ? besideCookie(options.storage, place)
    : resilient(options.storage, options.lock === 'auto', troubled)

  let state: State<HeldRecord> = initialState
  let view: SessionState = viewOf(state, 0)
  let user: User | null = null
  let loading: Promise<void> | undefined
  let unsubscribe: (() => void) | undefined
  let settled = noise()
  let burying: Promise<unknown> = Promise.resolve()
  let skewMs = 0
  let skewTold = false
  let lastRefresh: Date | null = null
  let closed = false

  const ports: RefreshPorts = {
    wire,
    storage,
    key,
    retry: options.retry,
    timeoutMs,
    counters,
    lockMs,
    marginMs,
  }
  const read = async (): Promise<Found> => readRecord(await storage.get(key))
  const held = (record: SessionRecord) => hold(record, clock.wall(), ticks())

  function dispatch(event: Event<HeldRecord>): void {
    const [next, effects] = step(state, event)
    const changed = next !== state
    state = next
    if (changed) view = Object.freeze(viewOf(state, ticks()))
    if (state.status === 'logged_out') user = null
    // Those who wait go on only after this call, so listeners are told of a state that is final.
    for (const effect of effects) {
      if (effect.do === 'tell') tell(effect.news)
      else if (effect.do === 'refresh') void fly(effect.held)
      else if (effect.do === 'revoke') void options.revoke(effect.held.record)
      else {
        const old = settled
        settled = noise()
        old.make()
      }
    }
    if (changed) for (const plan of plans) plan()
  }

  function tell(type: AuthEvent['type']): void {
    const end = state.status === 'logged_out' && type === 'logged_out' ? state.end : null
    const event: AuthEvent = Object.freeze({
      type,
      state: view,
      at: new Date(clock.wall()),
      ...(end && { reason: end.reason, initiator: end.initiator }),
    })
    for (const listener of [...listeners]) {
      try {
        // An async listener is not awaited, but what it throws is not lost.
        Promise.resolve(listener(event) as unknown).catch(options.onError)
      } catch (error) {
        options.onError(error)
      }
    }
  }

  const plans = new Set<() => void>()

  function load(): Promise<void> {
    loading ??= (async () => {
      if (options.crossTab && storage.subscribe && !closed) {
        unsubscribe = storage.subscribe(key, () => void look())
      }
      dispatch({ type: 'loaded', found: toMachine(await read()) })
    })()
    return loading
  }

  async function look(): Promise<void> {
    if (state.status === 'loading') return
    dispatch({ type: 'stored', found: toMachine(await read()) })
  }

  function toMachine(found: Found): HeldRecord | End {
    return found.record ? held(found.record) : (found.end ?? { reason: 'none', initiator: 'this', gen: found.gen })
  }

  async function fly({ record }: HeldRecord): Promise<void> {
    let outcome: RefreshOutcome
    try {
      outcome = await shareFlight(options.storage, key, () => {
        counters.refreshes++
        return refreshStored(ports, record)
      })
    } catch (cause) {
      // A lock or a storage of somebody else's making: no reason to end anything.
      const error = new AuthError('refresh_unavailable', 'The session could not be refreshed.', {
        cause,
        retryable: true,
      })
      outcome = { kind: 'failed', error }
    }
    const now = ticks()
    if (outcome.kind === 'session') {
      if (outcome.tokens) lastRefresh = new Date(clock.wall())
      else counters.adopted++
      if (outcome.tokens) user = outcome.tokens.user
      noteSkew(outcome.record)
      dispatch({ type: 'refreshed', held: held(outcome.record), now })
    } else if (outcome.kind === 'gone') {
      const { sessionId, gen, reason, by } = outcome
      dispatch({ type: 'ended', sessionId, known: record.gen, end: { gen, reason, initiator: by }, now })
    } else {
      counters.failures++
      const { error } = outcome
      const attempt = state.status === 'refreshing' ? state.attempt : 1
      const own = 1000 + backoff(attempt, 2000, options.retry.backgroundCapMs)
      const wait = Math.min(pauseOf(error, own), options.retry.backgroundCapMs)
      dispatch({ type: 'failed', error, retryAt: now + wait, now })
    }
  }

  function noteSkew(record: SessionRecord): void {
    skewMs = record.off * 1000
    const large = Math.abs(skewMs) > skewWorthTelling
    if (large && !skewTold) tell('clock_skew')
    skewTold = large
  }

  async function token(wish: TokenWish = {}): Promise<string> {
    if (state.status === 'loading') await load()
    const { minValidMs = marginMs } = wish
    let unwanted: number | undefined
    if (wish.forceRefresh && 'held' in state) unwanted = state.held.gen
    if (wish.refused !== undefined && 'held' in state && state.held.record.at === wish.refused)
      unwanted = state.held.gen
    let asked = false
    for (;;) {
      if (state.status === 'logged_out' || state.status === 'loading') throw loggedOut()
      const now = ticks()
      const good = (lasting: number) =>
        'held' in state && state.held.gen !== unwanted && state.held.expiresAt - now > lasting
      // A token that lives shorter than the margin is as good as any that could be had.
      if (good(minValidMs) || (asked && good(0))) {
        if (now >= state.held.dueAt) dispatch({ type: 'needed', now })
        return state.held.record.at
      }
      const force = unwanted === state.held.gen || state.held.dueAt > now ? state.held.gen : undefined
      // What others waited for as well has failed for this caller, too.
      if (asked && state.status === 'refresh_failed') throw unavailable()
      dispatch({
        type: 'needed',
        now,
        ...(force !== undefined && { force }),
        ...(wish.early && !asked && { early: true }),
      })
      if (state.status !== 'refreshing') {
        if (unwanted === undefined && good(0)) return state.held.record.at
        throw unavailable()
      }
      asked = true
      await settled.made
    }
  }

  function loggedOut(): AuthError {
    const end = state.status === 'logged_out' ? state.end : null
    if (end && end.initiator === 'server') {
      const endReason = end.reason
      return new SessionEndedError('session_ended', `The session has ended (${endReason}). Log in again.`, {
        endReason,
      })
    }
    return new LoggedOutError('no_session', 'Nobody is logged in.', { endReason: end?.reason })
  }

  function unavailable(): AuthError {
    if (state.status !== 'refresh_failed') return loggedOut()
    const cause = state.error as AuthError
    const message = `The access token could not be refreshed yet: ${cause.message}`
    const retryAfter = Math.max(0, Math.ceil((state.retryAt - ticks()) / 1000))
    return new RefreshUnavailableError('refresh_unavailable', message, { ...cause, cause, retryAfter, retryable: true })
  }

  async function begin(answer: Timed): Promise<void> {
    await load()
    await burying
    const { record } = await write((found) => {
      if (found.bad) void keepBad()
      return recordOf(wire.baseUrl, found.gen + 1, answer)
    })
    user = answer.tokens.user
    noteSkew(record)
    dispatch({ type: 'logged_in', held: held(record) })
  }

  async function renew(answer: Timed): Promise<void> {
    const { record } = await write(({ record: before }) => {
      if (before?.sid !== answer.tokens.session_id) return null
      // A refresh went further meanwhile: its tokens are the newer ones.
      if (before.n > answer.tokens.generation) return null
      return recordOf(before.iss, before.gen + 1, answer, before)
    })
    user = answer.tokens.user
    if (record) dispatch({ type: 'stored', found: held(record) })
  }

  /** Writes what `make` answers for what is stored, again if somebody else wrote in between. */
  async function write<R extends SessionRecord | null>(make: (found: Found) => R): Promise<{ record: R }> {
    for (;;) {
      const record = make(await read())
      if (!record || (await storage.advance(key, JSON.stringify(record), record.gen))) return { record }
    }
  }

  async function keepBad(): Promise<void> {
    const raw = await storage.get(key)
    if (raw !== null && (await storage.get(`${key}.bad`)) === null) await storage.advance(`${key}.bad`, raw, 1)
  }

  function end(reason = 'user'): Promise<SessionRecord | null> {
    const mine = 'held' in state ? state.held.record : null
    dispatch({ type: 'logout', reason })
    const buried = burying.then(async () => {
      const { found, gen } = await bury(storage, key, reason, 'user')
      if (gen && state.status === 'logged_out') {
        dispatch({ type: 'stored', found: { gen, reason, initiator: 'this' } })
      }
      return found.record ?? mine
    })
    burying = buried.catch(options.onError)
    return buried
  }

  return {
    load,
    look,
    token,
    begin,
    renew,
    end,
    ticks,
    storage,
    counters,
    state: () => state,
    view: () => view,
    user: () => user,
    setUser(next) {
      const changed = JSON.stringify(user) !== JSON.stringify(next)
      user = next
      if (changed) tell('user_updated')
    },
    inTurn: (work) => (inCookie ? storage.lock(key, timeoutMs, work) : work()),
    plan(each) {
      plans.add(each)
      return () => plans.delete(each)
    },
    wake: () => dispatch({ type: 'needed', now: ticks(), early: true }),
    listen(listener) {
      listeners.add(listener)
      for (const plan of plans) plan()
      return () => {
        listeners.delete(listener)
        for (const plan of plans) plan()
      }
    },
    listening: () => listeners.size > 0,
    skewMs: () => skewMs,
    lastRefresh: () => lastRefresh,
    close() {
      closed = true
      unsubscribe?.()
      listeners.clear()
      plans.clear()
    },
  }
}

/** A promise that is made from outside. */
function noise(): { made: Promise<void>; make: () => void } {
  let make!: () => void
  const made = new Promise<void>((resolve) => {
    make = resolve
  })
  return { made, make }
}
