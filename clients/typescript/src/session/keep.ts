import { startTicks } from '../clock.ts'
import { AuthError, LoggedOutError, RefreshUnavailableError, SessionEndedError } from '../errors/errors.ts'
import { backoff, pauseOf } from '../http/retry.ts'
import type { Settings } from '../options.ts'
import type { KeptStorage } from '../storage/plain.ts'
import { nameOf, shareFlight } from './flights.ts'
import { type End, type Event, initialState, type News, type State, step } from './machine.ts'
import { bury, type Found, readRecord, type SessionRecord, write } from './record.ts'
import { type RefreshOutcome, recordOf, refreshStored, type TokenAnswer } from './refresh.ts'
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
export type Listener = (event: AuthEvent) => void

export type TokenWish = {
  /** Default 5: with less than this left, a token may expire on its way. */
  minValidSeconds?: number
  forceRefresh?: boolean
  early?: boolean
  refused?: string | undefined
}

export type Keeper = {
  readonly storage: KeptStorage
  readonly listeners: Set<Listener>
  state(): State<HeldRecord>
  view(): SessionState
  ticks(): number
  /** Reads the storage, once. */
  load(): Promise<void>
  /** Reads it again: another context may have written. */
  look(): Promise<void>
  /** The last refresh token that is known here, also of a session that has ended. */
  earlierToken(): Promise<string | undefined>
  /** @throws LoggedOutError, SessionEndedError, RefreshUnavailableError */
  token(wish?: TokenWish): Promise<string>
  /** A login: replaces whatever is stored, and is not overtaken by a logout of before. */
  begin(answer: TokenAnswer): Promise<void>
  /**
   * Ends the session here, at once; the tombstone is written beside.
   * @returns the record that was stored, for whoever tells the server
   */
  end(reason?: string): Promise<SessionRecord | null>
  /** Keeps a refresh token that is dead by now, for `earlierToken`. */
  remember(rt: string): Promise<unknown>
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
  const name = nameOf(settings.storage, key)
  const storage = settings.keeping(settings, name, (error) => {
    onError(error)
    tell('storage_unavailable')
  })

  let state: State<HeldRecord> = initialState
  let view = viewOf(state, 0)
  let loading: Promise<void> | undefined
  let unsubscribe: (() => void) | undefined
  let settled = Promise.withResolvers<void>()
  let burying: Promise<unknown> = Promise.resolve()

  const read = async (): Promise<Found> => readRecord(await storage.get(key))
  const held = (record: SessionRecord) => hold(record, clock.wall(), ticks())

  function dispatch(event: Event<HeldRecord>): void {
    const before = state
    const [next, ...effects] = step(state, event)
    state = next
    if (next !== before) view = viewOf(next, ticks())
    // Those who wait go on only after this call, so listeners are told of a state that is final.
    for (const effect of effects) {
      if (effect === 'refresh' && 'held' in next) void fly(next.held.record)
      else if (effect === 'revoke' && 'held' in event) void revoke(event.held.record)
      else if (effect === 'settle') {
        settled.resolve()
        settled = Promise.withResolvers()
      } else tell(effect as News)
    }
    if (next !== before) settings.changed?.()
  }

  function tell(type: AuthEvent['type']): void {
    const why = type === 'logged_out' && 'reason' in view && { reason: view.reason, initiator: view.initiator }
    const event: AuthEvent = Object.freeze({ type, state: view, at: new Date(clock.wall()), ...why })
    for (const listener of [...listeners]) {
      // An async listener is not awaited, but what it throws is not lost.
      new Promise((resolve) => resolve(listener(event))).catch(onError)
    }
  }

  async function look(type: 'stored' | 'loaded' = 'stored'): Promise<void> {
    const { record, end } = await read()
    dispatch({ type, found: record ? held(record) : end })
  }

  async function fly(record: SessionRecord): Promise<void> {
    const outcome: RefreshOutcome = await shareFlight(name, () => {
      settings.note?.('refreshes')
      return refreshStored({ ...settings, storage }, record)
    }).catch((cause) => {
      // A lock or a storage of somebody else's making: no reason to end anything.
      return { error: new AuthError('refresh_unavailable', `${cause}`, { cause, retryable: true }) }
    })
    settings.note?.(outcome)
    const now = ticks()
    if ('record' in outcome) dispatch({ type: 'refreshed', held: held(outcome.record), now })
    else if ('end' in outcome) {
      dispatch({ type: 'ended', sessionId: outcome.sid, known: record.gen, end: outcome.end, now })
    } else {
      const most = retry.backgroundCapMs
      const own = 1000 + backoff('attempt' in state ? state.attempt : 1, 2000, most)
      const retryAt = now + Math.min(pauseOf(outcome.error, own), most)
      dispatch({ type: 'failed', error: outcome.error, retryAt, now })
    }
  }

  async function token({ minValidSeconds = 5, forceRefresh, early, refused }: TokenWish = {}): Promise<string> {
    let unwanted: number | undefined
    for (let asked = false; ; asked = true) {
      if (!('held' in state)) throw refusal()
      const { gen, expiresAt, dueAt, record } = state.held
      if (!asked && (forceRefresh || record.at === refused)) unwanted = gen
      const now = ticks()
      const left = gen === unwanted ? 0 : expiresAt - now
      // A token that lives shorter than the margin is as good as any that could be had.
      if (left > (asked ? 0 : minValidSeconds * 1000)) {
        if (now >= dueAt) dispatch({ type: 'needed', now })
        return record.at
      }
      // What others waited for as well has failed for this caller, too.
      if (!asked || state.status !== 'refresh_failed') {
        dispatch({ type: 'needed', now, force: gen, early: early && !asked })
      }
      if ((state as State).status !== 'refreshing') {
        if (unwanted === undefined && left > 0) return record.at
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
      const message = `The session could not be refreshed yet: ${cause.message}`
      return new RefreshUnavailableError('refresh_unavailable', message, {
        ...cause,
        cause,
        retryAfter,
        retryable: true,
      })
    }
    const { reason: endReason, initiator } = 'end' in state ? state.end : ({} as Partial<End>)
    return initiator === 'server'
      ? new SessionEndedError('session_ended', `The session has ended (${endReason}).`, { endReason })
      : new LoggedOutError('no_session', 'Nobody is logged in.', { endReason })
  }

  return {
    look,
    token,
    tell,
    ticks,
    storage,
    listeners,
    state: () => state,
    view: () => view,
    earlierToken: async () => (await read()).rt,
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
      const { written: record } = await write(storage, key, ({ gen, bad }) => {
        if (bad) void storage.advance(`${key}.bad`, bad, 1)
        return recordOf(settings.baseUrl, gen + 1, answer)
      })
      settings.note?.({ record, tokens: answer.body })
      dispatch({ type: 'logged_in', held: held(record) })
    },
    end(reason = 'user') {
      const mine = 'held' in state ? state.held.record : null
      dispatch({ type: 'logout', reason })
      const buried = burying.then(
        async () => (await bury(storage, key, { ended: reason, by: 'user' })).found.record ?? mine,
      )
      burying = buried.catch(onError)
      return buried
    },
    remember: (rt) =>
      write(storage, key, ({ gen, end }) => end && { v: 1, gen: gen + 1, ended: end.reason, by: 'user', rt }),
    wake: () => dispatch({ type: 'needed', now: ticks(), early: true }),
    close() {
      unsubscribe?.()
      listeners.clear()
    },
  }
}
