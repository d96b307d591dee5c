import { judgeRefresh, type RefreshVerdict } from '../../src/domain/sessions/judge-refresh.ts'
import { noRedeemers, pushRedeemer, traceOfKey } from '../../src/domain/sessions/redeemers.ts'
import type { World } from './explore.ts'

/**
 * The refresh protocol as a world of states. The server's judgement and its memory of keys are the shipped functions;
 * the rest (client, network, thief, restore) is modelled here:
 *
 * - The network delivers any request that was ever sent, at any time, as often as it likes, or never; and any reply to
 *   any process of its client. So loss, doubling, reordering, suspended processes and crashes need no steps of their own:
 *   a crash between receiving and saving is a reply that is never delivered.
 * - All processes of the user (tabs) share one store. Who reads it sends what it reads.
 * - The server reads, judges and writes in one step: a guarded update that comes too late changes nothing and is judged
 *   anew. `split` checks just that: there anything may happen between judging and writing.
 * - A thief copies the record once, with or without its key, and sends whatever he can make of it, at any time.
 * - A restore puts the row back to what it was at the backup, once, and the journal ends what had ended.
 */
export type Setting = {
  /** How far the chain may go. */
  generations: number
  theft?: 'token' | 'store'
  restore?: boolean
  logout?: boolean
  /** Between judging and writing, anything may happen. */
  split?: boolean
  flaw?: Flaw
  /** How many refreshes the user may complete between a thief's first and last success. */
  overlap?: number
}

export type Flaw =
  | 'the parent is never answered'
  | 'the parent is answered to all while its successor is unused'
  | 'a grace on top'
  | 'old keys are forgotten'
  | 'tokens ahead are reuse'
  | 'the update is not guarded'
  | 'no journal'
  | 'key made when sending'
  | 'blind store'
  | 'one constant key'
  | 'no keys'

type Record = { g: number; key: string | null }
/** The database's row; `redeemers` in hex. */
type Row = { n: number; redeemers: string; ended: string | null }
type Request = { g: number; key: string | null; of: 'user' | 'thief' }
/** A request that was judged by a row that may be old by now. */
type Judged = { request: Request; verdict: 'rotate' | 'forward' | 'reuse'; row: Row }
type Reply = { g: number; key: string | null; result: number | 'superseded' }

type State = {
  row: Row
  backup: Row | null
  restored: boolean
  journal: boolean
  store: Record
  sent: Request[]
  judged: Judged[]
  replies: Reply[]
  /** Made so far, when keys are made in sending. */
  keys: number
  /** The user was told that the session is over, or was told to read a newer record and there is none. */
  out: string | null
  loggedOut: boolean
  loot: Record[]
  /** −1: the thief had no success yet; else how many refreshes the user completed since his first one. */
  since: number
  wrong: string | null
}

const now = 1_000_000

export function refreshWorld(setting: Setting): World<State> {
  const { generations, theft, restore = false, logout = false, split = false, flaw, overlap = 0 } = setting
  const keyFor = (g: number) => (flaw === 'no keys' ? null : flaw === 'one constant key' ? 'constant' : `key of ${g}`)
  const start: State = {
    row: { n: 0, redeemers: noRedeemers.toString('hex'), ended: null },
    backup: null,
    restored: false,
    journal: false,
    store: { g: 0, key: keyFor(0) },
    sent: [],
    judged: [],
    replies: [],
    keys: 0,
    out: null,
    loggedOut: false,
    loot: [],
    since: -1,
    wrong: null,
  }

  function* next(state: State): Generator<[string, State]> {
    if (state.wrong !== null) return
    yield* userSteps(state)
    yield* networkSteps(state)
    yield* serverSteps(state)
    if (theft) yield* thiefSteps(state)
    if (restore) yield* restoreSteps(state)
  }

  function* userSteps(state: State): Generator<[string, State]> {
    const { store } = state
    if (state.out === null && store.g < generations) {
      const made = flaw === 'key made when sending' && state.keys < 3
      const key = made ? `made ${state.keys}` : store.key
      const request: Request = { g: store.g, key, of: 'user' }
      const sent = { ...state, sent: add(state.sent, request), keys: state.keys + (made ? 1 : 0) }
      yield [`user sends ${show(request)}`, made ? { ...sent, store: { ...store, key } } : sent]
    }
    if (logout && !state.loggedOut && state.out === null) {
      const row = state.row.ended === null ? { ...state.row, ended: 'logout' } : state.row
      yield ['user logs out', { ...state, row, loggedOut: true, journal: true }]
    }
    for (const reply of state.replies) {
      const { g, result } = reply
      if (!matters(store, reply)) continue
      if (result === 'superseded') {
        if (state.out === null) yield [`user hears "superseded" for ${g}`, { ...state, out: 'overtaken' }]
        continue
      }
      const completed = state.since >= 0 ? Math.min(state.since + 1, overlap + 1) : state.since
      // A blind store draws another key when it comes to the same generation again.
      const saved: Record = { g: result, key: keyFor(result) }
      if (flaw === 'blind store' && store.g > result) saved.key = `another ${saved.key}`
      const replies = state.replies.filter((each) => matters(saved, each))
      yield [`user saves ${result}`, { ...state, store: saved, since: completed, replies }]
    }
  }

  /** Any request that was ever sent reaches the server, and is judged by the row as it is. */
  function* networkSteps(state: State): Generator<[string, State]> {
    for (const request of state.sent) yield* processed(state, request)
  }

  function* processed(state: State, request: Request): Generator<[string, State]> {
    const { row } = state
    const verdict = judge(row, request)
    const step = `${request.of}'s ${show(request)}: ${verdict.kind}`
    if (verdict.kind === 'ended') {
      if (request.of === 'user' && state.out === null) yield [step, { ...state, out: verdict.reason }]
    } else if (verdict.kind === 'repeat') {
      yield [step, answer(state, request, row.n)]
    } else if (verdict.kind === 'superseded') {
      if (request.of === 'user')
        yield [step, withReply(state, { g: request.g, key: request.key, result: 'superseded' })]
    } else {
      const judged: Judged = { request, verdict: verdict.kind, row }
      if (!split) yield [step, write(state, judged)]
      else if (state.judged.length < 2)
        yield [`${step}, not yet written`, { ...state, judged: add(state.judged, judged) }]
    }
  }

  /** What was judged is written, if the row is still the one it was judged by; else it is judged anew. */
  function* serverSteps(state: State): Generator<[string, State]> {
    for (const judged of state.judged) {
      const { request, row } = judged
      const rest = { ...state, judged: state.judged.filter((other) => other !== judged) }
      const stands = state.row.n === row.n && state.row.ended === null
      if (stands || flaw === 'the update is not guarded') {
        yield [`${request.of}'s ${show(request)} is written`, write(rest, judged)]
      } else {
        yield* processed(rest, request)
      }
    }
  }

  function write(state: State, { request, verdict, row }: Judged): State {
    if (verdict === 'reuse') return { ...state, row: { ...state.row, ended: 'refresh_token_reuse' } }
    const written = { ...state.row, n: request.g + 1, redeemers: push(row, request) }
    return answer({ ...state, row: written }, request, request.g + 1)
  }

  function* thiefSteps(state: State): Generator<[string, State]> {
    if (state.loot.length === 0) {
      const { g, key } = state.store
      yield ['thief copies the record', { ...state, loot: [{ g, key: theft === 'store' ? key : null }] }]
    }
    const keys = new Set(['of the thief', null, ...state.loot.map(({ key }) => key)])
    for (const { g } of state.loot) {
      if (g >= generations) continue
      for (const used of keys) {
        // What he sends late he might as well send later: he needs no network.
        yield* processed(state, { g, key: used, of: 'thief' })
      }
    }
  }

  function* restoreSteps(state: State): Generator<[string, State]> {
    if (state.restored) return
    if (state.backup === null) yield ['backup', { ...state, backup: state.row }]
    else {
      const ended = state.journal && flaw !== 'no journal' ? 'logout' : state.backup.ended
      // What was being judged was lost with the old server.
      yield ['restore', { ...state, row: { ...state.backup, ended }, backup: null, restored: true, judged: [] }]
    }
  }

  function answer(state: State, request: Request, result: number): State {
    if (state.loggedOut) return { ...state, wrong: `${request.of} is answered with tokens after a logout was` }
    if (request.of === 'user')
      return { ...state, replies: add(state.replies, { g: request.g, key: request.key, result }) }
    if (state.since > overlap) return { ...state, wrong: 'a thief goes on after the user has refreshed' }
    const own: Record = { g: result, key: null }
    return { ...state, since: Math.max(state.since, 0), loot: has(state.loot, own) ? state.loot : add(state.loot, own) }
  }

  /** Keeps a reply as long as it could change anything. */
  function withReply(state: State, reply: Reply): State {
    return { ...state, replies: add(state.replies, reply).filter((each) => matters(state.store, each)) }
  }

  function matters(store: Record, { g, key, result }: Reply): boolean {
    // Read again: nothing newer than what was sent, so the store was overtaken.
    if (result === 'superseded') return store.g === g && store.key === key
    return flaw === 'blind store' ? result !== store.g : result > store.g
  }

  function judge(row: Row, request: Request): RefreshVerdict {
    const verdict = shipped(row, request)
    const isParent = request.g === row.n - 1
    if (flaw === 'tokens ahead are reuse' && verdict.kind === 'forward') return { kind: 'reuse' }
    if (flaw === 'the parent is never answered' && verdict.kind === 'repeat') return { kind: 'reuse' }
    if (verdict.kind === 'reuse' && isParent) {
      if (flaw === 'the parent is answered to all while its successor is unused') return { kind: 'repeat' }
      if (flaw === 'a grace on top') return { kind: 'repeat' }
    }
    return verdict
  }

  function push(row: Row, request: Request): string {
    const pushed = pushRedeemer(Buffer.from(row.redeemers, 'hex'), traceOfKey(request.key), request.g - row.n)
    if (flaw !== 'old keys are forgotten') return pushed.toString('hex')
    return Buffer.concat([pushed.subarray(0, 8), Buffer.alloc(56, 1)]).toString('hex')
  }

  function wrong(state: State): string | null {
    if (state.wrong !== null) return state.wrong
    if (theft || state.loggedOut) return null
    if (state.out !== null) return `the user is logged out: ${state.out}`
    // Liveness: wherever things stand, what the user stores now gets an answer with tokens.
    const verdict = judge(state.row, { ...state.store, of: 'user' })
    const lives = verdict.kind === 'rotate' || verdict.kind === 'repeat' || verdict.kind === 'forward'
    // A key made when sending is not in the store: the next one decides.
    return lives || flaw === 'key made when sending' ? null : `the stored token would be answered: ${verdict.kind}`
  }

  return { start, next, wrong }
}

const verdicts = new Map<string, RefreshVerdict>()

function shipped(row: Row, { g, key }: Request): RefreshVerdict {
  const name = `${row.n} ${row.redeemers} ${row.ended} ${g} ${key}`
  let verdict = verdicts.get(name)
  if (!verdict) {
    const judged = {
      generation: row.n,
      rotated_at: now,
      redeemers: Buffer.from(row.redeemers, 'hex'),
      idle_expires_at: now + 1,
      absolute_expires_at: now + 1,
      ended_at: row.ended === null ? null : now,
      end_reason: row.ended,
    }
    verdict = judgeRefresh(judged, g, traceOfKey(key), key !== null, now)
    verdicts.set(name, verdict)
  }
  return verdict
}

/** Sets are sorted lists, so that one set is one state. */
function add<T>(set: T[], item: T): T[] {
  if (has(set, item)) return set
  const name = JSON.stringify(item)
  const place = set.findIndex((each) => JSON.stringify(each) > name)
  return set.toSpliced(place < 0 ? set.length : place, 0, item)
}

function has<T>(set: T[], item: T): boolean {
  const name = JSON.stringify(item)
  return set.some((each) => JSON.stringify(each) === name)
}

function show({ g, key }: { g: number; key: string | null }): string {
  return `token ${g} (${key ?? 'no key'})`
}
