import { startTicks } from '../clock.ts'
import type { Tokens } from '../contract.ts'
import { AuthError, LoggedOutError, RefreshUnavailableError, SessionEndedError } from '../errors/errors.ts'
import type { Answer } from '../http/exchange.ts'
import { backoff, pauseOf } from '../http/retry.ts'
import type { Settings } from '../options.ts'
import type { KeptStorage } from '../storage/plain.ts'
import { shareFlight } from './flights.ts'
import { type End, type Event, initialState, type News, type State, step } from './machine.ts'
import { recordIn, type SessionRecord, type Store, unreadable } from './record.ts'
import { type Ended, type Failed, type RefreshOutcome, recordOf, refreshStored } from './refresh.ts'
import { type HeldRecord, hold, type SessionState, viewOf } from './view.ts'

/** What a listener is told. */
export type AuthEvent = {
  /**
   * `user_updated`: the profile as the server knows it changed. `clock_skew`: this machine’s clock is wrong. Else
   * what became of the session.
   */
  readonly type: News | 'user_updated' | 'storage_unavailable' | 'clock_skew'
  /** The state after it. */
  readonly state: SessionState
  /** When, by this machine's clock. */
  readonly at: Date
  /** Of `logged_out`. */
  readonly reason?: string
  /** Of `logged_out`: who ended it. */
  readonly initiator?: 'this' | 'other_context' | 'server'
}
/** What it throws is told to `onError`, and ends nothing. */
export type Listener = (event: AuthEvent) => void

export type TokenWish = {
  /** Default 5: with less than this left, a token may expire on its way. */
  minValidSeconds?: number
  forceRefresh?: boolean
  early?: boolean
  /** What a server did not take. */
  refused?: SessionRecord | undefined
  /** Nobody else's. */
  user?: string | undefined
}

export type Keeper = {
  readonly storage: KeptStorage
  readonly store: Store
  readonly listeners: Set<Listener>
  state(): State<HeldRecord>
  view(): SessionState
  ticks(): number
  /** Reads the storage, once. */
  load(): Promise<void>
  /** Reads it again: another context may have written. */
  look(): Promise<void>
  /**
   * The record with a token as it is wished for: of the user who is logged in when this is called, and of no other one.
   * @throws LoggedOutError, SessionEndedError, RefreshUnavailableError
   */
  token(wish: TokenWish): Promise<SessionRecord>
  /** A login: replaces whatever is stored, and is not overtaken by a logout of before. @throws AuthError `bad_response` */
  begin(answer: Answer): Promise<void>
  /**
   * Ends the session here, at once; the tombstone is written beside.
   * @param user whose session alone, if given
   * @returns the record that was stored, for whoever tells the server
   */
  end(reason?: string, user?: string): Promise<SessionRecord | null>
  tell(type: AuthEvent['type']): void
  /** Now may be better than later: a timer, the network came back, the page is seen again. */
  wake(): void
  close(): void
}

/**
 * Keeps one session: holds its state, reads and writes its record, refreshes it. Does nothing until it is asked.
 * @param revoke tells the server that what a late refresh brought is not wanted
 */
export function keepSession(settings: Settings, revoke: (record: SessionRecord) => unknown): Keeper {
  const { clock, onError, storageKey: key, retry } = settings
  const ticks = startTicks(clock)
  const listeners = new Set<Listener>()
  const storage = settings.keeping(settings, (error) => {
    onError(error)
    tell('storage_unavailable')
  })

  let state: State<HeldRecord> = initialState
  let view = viewOf(state, 0)
  let loading: Promise<void> | undefined
  let unsubscribe: (() => void) | undefined
  let settled = Promise.withResolvers<void>()
  let burying: Promise<unknown> = Promise.resolve()
  let calmUntil = 0

  const store = recordIn(storage, key, settings.baseUrl)
  const held = (record: SessionRecord) => hold(record, clock.wall(), ticks())

  function dispatch(event: Event<HeldRecord>): void {
    const before = state
    const [next, ...effects] = step(state, event)
    state = next
    if (next !== before) view = viewOf(next, ticks())
    // Those who wait go on only after this call, so listeners are told of a state that is final.
    for (const effect of effects) {
      if (effect === 'refresh' && 'held' in next) void fly(next.held)
      else if (effect === 'revoke' && 'held' in event) void revoke(event.held.record)
      else if (effect === 'settle') {
        settled.resolve()
        settled = Promise.withResolvers()
      } else tell(effect as News)
    }
    if (next !== before) settings.changed?.()
  }

  function tell(type: AuthEvent['type']): void {
    const { reason, initiator } = view as Partial<SessionState & End>
    const why = type === 'logged_out' && { reason, initiator }
    const event = Object.freeze({ type, state: view, at: new Date(clock.wall()), ...why }) as AuthEvent
    for (const listener of [...listeners]) {
      // An async listener is not awaited, but what it throws is not lost.
      void (async () => listener(event))().catch(onError)
    }
  }

  async function look(type: 'stored' | 'loaded' = 'stored'): Promise<void> {
    const { record, end, unknown } = await store.read()
    if (!unknown) return dispatch({ type, found: record ? held(record) : end })
    if (type === 'loaded') throw unreadable()
  }

  async function fly({ record, gen: known }: HeldRecord): Promise<void> {
    const outcome: RefreshOutcome = await shareFlight(settings.storage, `${settings.baseUrl} ${key}`, () => {
      settings.note?.('refreshes')
      return refreshStored({ ...settings, storage, store }, record)
    }).catch((cause) => {
      // A lock or a storage of somebody else's making: no reason to end anything.
      return { error: new AuthError('refresh_unavailable', `${cause}`, { cause, retryable: true }) }
    })
    settings.note?.(outcome)
    const now = ticks()
    if ('record' in outcome) {
      const next = held(outcome.record)
      // What could not be written down has no place of its own, and is newer all the same.
      return dispatch({ type: 'refreshed', held: { ...next, gen: Math.max(next.gen, known + 2 ** -20) }, now })
    }
    const { sid: sessionId, end, error } = outcome as Partial<Ended & Failed>
    if (!error) return dispatch({ type: 'ended', sessionId: sessionId!, known, end: end!, now })
    const most = retry.backgroundCapMs
    const own = Math.min(1000 + backoff((state as Partial<{ attempt: number }>).attempt ?? 1, 2000, most), most)
    dispatch({ type: 'failed', error, retryAt: now + pauseOf(error, own), now })
  }

  async function token({ minValidSeconds = 5, forceRefresh, early, refused, user }: TokenWish): Promise<SessionRecord> {
    let unwanted: number | undefined
    user ??= refused?.sub
    for (let asked = false; ; asked = true) {
      if (!('held' in state)) throw refusal()
      const { gen, expiresAt, dueAt, record } = state.held
      user ??= record.sub
      if (user !== record.sub) {
        throw new LoggedOutError('no_session', 'Another user is logged in.', { endReason: 'other_user' })
      }
      const now = ticks()
      if (!asked && (forceRefresh || (record.at === refused?.at && now >= calmUntil))) unwanted = gen
      const left = gen === unwanted ? 0 : expiresAt - now
      // A token that just came is as good as any that could be had.
      const wanted = asked ? 0 : Math.min(minValidSeconds * 1000, (record.exp - record.rcv) * 900)
      if (left > 0 && !(left <= wanted)) {
        // For half a minute a token that came in the place of a refused one is not replaced for being refused as well.
        if (asked && refused) calmUntil = now + 30_000
        if (now >= dueAt) dispatch({ type: 'needed', now })
        return record
      }
      // What others waited for as well has failed for this caller, too.
      if (!asked || state.status !== 'refresh_failed') {
        dispatch({ type: 'needed', now, force: gen, early })
      }
      if ((state as State).status !== 'refreshing') {
        if (unwanted === undefined && left > 0) return record
        throw refusal()
      }
      await settled.promise
    }
  }

  /** Why there is no token. */
  function refusal(): AuthError {
    if (state.status === 'refresh_failed') {
      const cause = state.error as AuthError
      const retryAfter = Math.max(0, Math.ceil((state.retryAt - ticks()) / 1000))
      const message = `Not refreshed: ${cause.message}`
      return new RefreshUnavailableError('refresh_unavailable', message, { ...cause, cause, retryAfter })
    }
    const { reason: endReason, initiator } = view as Partial<End>
    return initiator === 'server'
      ? new SessionEndedError('session_ended', `The session ended (${endReason}).`, { endReason })
      : new LoggedOutError('no_session', 'Nobody is logged in.', { endReason })
  }

  return {
    look,
    token,
    tell,
    ticks,
    storage,
    store,
    listeners,
    state: () => state,
    view: () => view,
    load() {
      if (settings.crossTab) unsubscribe ??= storage.subscribe(key, () => look().catch(onError))
      loading ??= look('loaded').catch((error) => {
        loading = undefined
        throw error
      })
      return loading
    },
    async begin(answer) {
      await burying
      const { written: record } = await store.write(({ gen, bad }) => {
        if (bad) void (async () => storage.advance(`${key}.bad`, bad, clock.wall()))().catch(onError)
        return recordOf(settings.baseUrl, gen + 1, answer)
      })
      settings.note?.({ record, tokens: answer.body as Tokens })
      dispatch({ type: 'logged_in', held: held(record) })
    },
    async end(reason = 'user', user) {
      const mine = (state as Partial<{ held: HeldRecord }>).held?.record ?? null
      if (user !== undefined && user !== mine?.sub) return null
      dispatch({ type: 'logout', reason })
      const buried = burying.then(async () => {
        const { found, written } = await store.bury(reason, 'user', mine, 'sub')
        return (written && found.record) ?? mine
      })
      burying = buried.catch(onError)
      return buried
    },
    // What the server asked for is waited out, whoever looks.
    wake: () => dispatch({ type: 'needed', now: ticks(), early: !(state as Partial<Failed>).error?.retryAfter }),
    close() {
      unsubscribe?.()
      listeners.clear()
    },
  }
}
