import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type Event, type Held, initialState, type State, step } from '../src/session/machine.ts'

const held = (gen: number, sessionId = 'a', from = 0): Held => ({
  gen,
  sessionId,
  dueAt: from + 75,
  expiresAt: from + 100,
})
const end = (gen: number, reason = 'user') => ({ gen, reason, initiator: 'other_context' as const })

/** Plays events and keeps what came out, as texts. */
function play(events: Event[], from: State = initialState) {
  let state = from
  const log: string[] = []
  for (const event of events) {
    const [next, ...effects] = step(state, event)
    state = next
    log.push(...effects)
  }
  return { state, log }
}

describe('the state machine of a session', () => {
  const loaded: Event = { type: 'loaded', found: held(3) }

  it('tells once what it found, and asks for nothing', () => {
    expect(play([loaded, loaded])).toEqual({
      state: { status: 'active', held: held(3), flight: false },
      log: ['initial'],
    })
  })

  it('refreshes only what is due, however many ask', () => {
    expect(play([loaded, { type: 'needed', now: 74 }]).log).toEqual(['initial'])
    const need: Event = { type: 'needed', now: 80 }
    const { state, log } = play([loaded, need, need, need])
    expect(log).toEqual(['initial', 'refresh'])
    expect(state).toMatchObject({ status: 'refreshing', over: 'active', attempt: 1 })
  })

  it('goes on with the token that is still valid when a refresh fails, and says nothing until it has expired', () => {
    const failed: Event = { type: 'failed', error: 'offline', retryAt: 95, now: 82 }
    const quiet = play([loaded, { type: 'needed', now: 80 }, failed, { type: 'needed', now: 90 }])
    expect(quiet.log).toEqual(['initial', 'refresh', 'settle'])
    const late = play([{ type: 'needed', now: 120 }], { ...quiet.state, retryAt: 500 } as State)
    expect(late.log).toEqual(['refresh_failed'])
    expect(play([{ type: 'needed', now: 130 }], late.state).log).toEqual([])
  })

  it('tells that a token has expired also when it asks for another one at once', () => {
    const failed: Event = { type: 'failed', error: 'offline', retryAt: 500, now: 82 }
    const { log } = play([loaded, { type: 'needed', now: 80 }, failed, { type: 'needed', now: 120, early: true }])
    expect(log).toEqual(['initial', 'refresh', 'settle', 'refresh_failed', 'refresh'])
  })

  it('wants nothing for nobody: a need without a session changes nothing', () => {
    const { state } = play([{ type: 'loaded', found: end(3) }])
    expect(step(state, { type: 'needed', now: 1000, early: true })).toEqual([state])
    expect(step(state, { type: 'needed', now: 1000 })[0]).toBe(state)
    expect(step(initialState, { type: 'needed', now: 1000 })).toEqual([initialState])
  })

  it('tells of a recovery after it told of a failure', () => {
    const { log } = play([
      loaded,
      { type: 'needed', now: 200 },
      { type: 'failed', error: 'offline', retryAt: 210, now: 201 },
      { type: 'needed', now: 205 },
      { type: 'needed', now: 205, early: true },
      { type: 'refreshed', held: held(4, 'a', 206), now: 206 },
    ])
    expect(log).toEqual([
      'initial',
      'refresh',
      'refresh_failed',
      'settle',
      'refresh',
      'recovered',
      'token_refreshed',
      'settle',
    ])
  })

  it('discards and revokes what a refresh brings after the logout', () => {
    const { state, log } = play([
      loaded,
      { type: 'needed', now: 80 },
      { type: 'logout', reason: 'user' },
      { type: 'refreshed', held: held(4), now: 81 },
    ])
    expect(state).toMatchObject({ status: 'logged_out', flight: false })
    expect(log).toEqual(['initial', 'refresh', 'logged_out', 'settle', 'revoke', 'settle'])
  })

  it('does not let a verdict about the last session end this one', () => {
    const { state } = play([
      loaded,
      { type: 'needed', now: 80 },
      { type: 'logged_in', held: held(5, 'b', 80) },
      { type: 'ended', sessionId: 'a', known: 3, end: end(4), now: 81 },
    ])
    expect(state).toMatchObject({ status: 'active', held: { sessionId: 'b' } })
  })

  it('adopts what another tab stored, and its logout', () => {
    const adopted = play([loaded, { type: 'stored', found: held(4, 'a', 80) }, { type: 'stored', found: held(4) }])
    expect(adopted.log).toEqual(['initial', 'token_refreshed', 'settle'])
    expect(play([{ type: 'stored', found: end(5) }], adopted.state).state).toMatchObject({
      status: 'logged_out',
      end: { reason: 'user', initiator: 'other_context' },
    })
    expect(play([{ type: 'stored', found: end(3) }], adopted.state).state).toBe(adopted.state)
  })

  it('does not let what the store said of an older record end a newer one', () => {
    const { state, log } = play([
      loaded,
      { type: 'needed', now: 80 },
      { type: 'stored', found: held(4, 'a', 80) },
      { type: 'ended', sessionId: null, known: 3, end: end(4), now: 81 },
    ])
    expect(state).toEqual({ status: 'active', held: held(4, 'a', 80), flight: false })
    expect(log).not.toContain('logged_out')
  })

  it('remembers the newest end, so that nothing older comes back', () => {
    const over = play([
      { type: 'loaded', found: end(3) },
      { type: 'stored', found: end(7) },
    ])
    expect(over.state).toMatchObject({ status: 'logged_out', end: { gen: 7 } })
    expect(play([{ type: 'stored', found: held(5) }], over.state).state.status).toBe('logged_out')
  })

  it('asks again when the refresh that came back was for another record', () => {
    const { state, log } = play([
      loaded,
      { type: 'needed', now: 80 },
      { type: 'logged_in', held: held(5, 'b', 0) },
      { type: 'needed', now: 90 },
      { type: 'refreshed', held: held(4), now: 91 },
    ])
    expect(log.filter((each) => each === 'refresh')).toHaveLength(2)
    expect(state).toMatchObject({ status: 'refreshing', held: { sessionId: 'b' }, flight: true })
  })

  it('keeps its promises in every sequence of events', () => {
    const gens = fc.integer({ min: 1, max: 9 })
    const ids = fc.constantFrom('a', 'b')
    const times = fc.integer({ min: 0, max: 300 })
    const records = fc.record({ gen: gens, sessionId: ids, dueAt: times, expiresAt: times })
    const ends = fc.record({
      gen: gens,
      reason: fc.constantFrom('user', 'admin'),
      initiator: fc.constantFrom('server', 'other_context'),
    })
    const event = fc.oneof(
      fc.record({ type: fc.constant('loaded'), found: fc.oneof(records, ends) }),
      fc.record({
        type: fc.constant('needed'),
        now: times,
        force: fc.option(gens, { nil: undefined }),
        early: fc.boolean(),
      }),
      fc.record({ type: fc.constant('stored'), found: fc.oneof(records, ends) }),
      fc.record({ type: fc.constant('logged_in'), held: records }),
      fc.record({ type: fc.constant('logout') }),
      fc.record({ type: fc.constant('refreshed'), held: records, now: times }),
      fc.record({ type: fc.constant('failed'), error: fc.constant('offline'), retryAt: times, now: times }),
      fc.record({ type: fc.constant('ended'), sessionId: fc.option(ids), known: gens, end: ends, now: times }),
    ) as fc.Arbitrary<Event>
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        let state: State = initialState
        let outstanding = 0
        for (const each of events) {
          const answer = ['refreshed', 'failed', 'ended'].includes(each.type)
          // A refresh answers once, and only when it was asked for; a login is written above what is stored.
          if (answer && outstanding === 0) continue
          if (each.type === 'logged_in' && each.held.gen <= placeOf(state)) continue
          if (answer) outstanding--
          const [next, ...effects] = step(state, each)
          for (const effect of effects) if (effect === 'refresh') outstanding++
          // At most one refresh is outstanding, and the machine knows whether one is.
          check(outstanding === (next.flight ? 1 : 0), 'one refresh at a time')
          check(next.status !== 'refreshing' || next.flight, 'a refresh that is waited for is under way')
          // The place in the store never goes back, except that an empty store ends what was held.
          check(each.type === 'ended' || placeOf(next) >= placeOf(state), 'the place never goes back')
          // A session ends by a verdict, a tombstone or a logout, and never by a failure.
          if (next.status === 'logged_out' && state.status !== 'logged_out') {
            check(['loaded', 'stored', 'ended', 'logout'].includes(each.type), 'no failure ends a session')
            check(next.end.reason !== '', 'every end has a reason')
          }
          // News come when something changed, and the end of a session is always told.
          const told = effects.filter((effect) => !['refresh', 'settle', 'revoke'].includes(effect))
          const over = next.status === 'logged_out' && 'held' in state
          check(!over || told.includes('logged_out'), 'an end is told')
          check(next !== state || told.length === 0, 'no news of nothing')
          // Nobody waits for a refresh that is not under way.
          const left = state.status === 'refreshing' && next.status !== 'refreshing'
          check(!left || effects.includes('settle'), 'nobody waits in vain')
          state = next
        }
      }),
      { numRuns: 10_000 },
    )
  })
})

/** Quicker than `expect`, which counts here. */
function check(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`Broken: ${promise}.`)
}

function placeOf(state: State): number {
  if (state.status === 'loading') return -1
  return state.status === 'logged_out' ? state.end.gen : state.held.gen
}
