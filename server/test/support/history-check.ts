import { type HistoryEvent, type Outcome, printHistory } from './history.ts'

/** The promises of the refresh protocol, as rules over what clients saw. */
export type Rule =
  | 'one successor'
  | 'no false logout'
  | 'an end is final'
  | 'one redeemer'
  | 'theft shows'
  | 'never backward'

export type Violation = { rule: Rule; why: string; events: HistoryEvent[] }

export type CheckOptions = {
  /** How many refreshes the honest client may complete between the first and the last success of a thief. */
  overlap?: number
  /** Milliseconds for which another node than the one that ended a session may still accept its access tokens. */
  revocationBound?: number
}

type Refreshed = HistoryEvent & { outcome: Extract<Outcome, { kind: 'tokens' }> }

/** Checks the events of any number of sessions. @returns what contradicts the protocol; nothing if all is well */
export function checkHistory(events: HistoryEvent[], options: CheckOptions = {}): Violation[] {
  const sessions = Map.groupBy(events, (event) => event.session)
  return [...sessions.values()].flatMap((history) => [
    ...oneSuccessor(history),
    ...noFalseLogout(history),
    ...endIsFinal(history, options.revocationBound ?? 0),
    ...oneRedeemer(history),
    ...theftShows(history, options.overlap ?? 0),
    ...neverBackward(history),
  ])
}

/** @throws Error that shows the first violation and its session's whole history */
export function assertHistory(events: HistoryEvent[], options: CheckOptions = {}): void {
  const [violation] = checkHistory(events, options)
  if (!violation) return
  const history = events.filter(({ session }) => session === violation.events[0]!.session)
  throw new Error(`${violation.rule}: ${violation.why}\n${printHistory(history)}`)
}

/** (a) Whoever is answered for a generation gets the next one, in the same words. */
function oneSuccessor(history: HistoryEvent[]): Violation[] {
  const violations: Violation[] = []
  for (const [parent, answers] of Map.groupBy(refreshed(history), (event) => event.generation)) {
    const odd = answers.find(({ outcome }) => outcome.generation !== parent + 1)
    if (odd) violations.push(violation('one successor', `${parent} led to ${odd.outcome.generation}`, odd))
    const other = answers.find(({ outcome }) => outcome.token !== answers[0]!.outcome.token)
    if (other) violations.push(violation('one successor', `${parent} has two successors`, answers[0]!, other))
  }
  return violations
}

/** (b) Only the user, or a thief, ends a session; and the client is not told to read a newer record that is not there. */
function noFalseLogout(history: HistoryEvent[]): Violation[] {
  const told = history.find(({ role, outcome }) => role === 'honest' && outcome.kind === 'ended')
  if (told?.outcome.kind !== 'ended') return []
  const ofUser = history.some(({ operation, sent }) => operation === 'end' && sent < told.answered)
  const byThief = history.some(({ role, sent }) => role === 'thief' && sent < told.answered)
  const excused = told.outcome.reason === 'refresh_token_reuse' ? byThief : ofUser
  return excused ? [] : [violation('no false logout', `nobody gave a reason for ${told.outcome.reason}`, told)]
}

/** (c) Once anybody was told that the session is over, it is: for refreshes everywhere, for access tokens there at once. */
function endIsFinal(history: HistoryEvent[], bound: number): Violation[] {
  const ends = history.filter(
    ({ operation, outcome }) => outcome.kind === 'ended' || (operation === 'end' && outcome.kind === 'done'),
  )
  const violations: Violation[] = []
  for (const end of ends) {
    const late = history.find(({ operation, node, sent, outcome }) => {
      if (operation === 'refresh') return outcome.kind === 'tokens' && sent > end.answered
      // What ended it elsewhere reaches this node by the feed of revocations.
      const patience = end.operation === 'end' && node === end.node ? 0 : bound
      return operation === 'validate' && outcome.kind === 'done' && sent > end.answered + patience
    })
    if (late) violations.push(violation('an end is final', `${late.operation} succeeded after an end`, end, late))
  }
  return violations
}

/** (d) One generation serves one key: of two that use it the second gets nothing. A restore forgets who used what. */
function oneRedeemer(history: HistoryEvent[]): Violation[] {
  const violations: Violation[] = []
  for (const era of eras(history)) {
    for (const [parent, answers] of Map.groupBy(refreshed(era), (event) => event.generation)) {
      const other = answers.find(({ key }) => key !== answers[0]!.key)
      if (other) violations.push(violation('one redeemer', `two keys redeemed ${parent}`, answers[0]!, other))
    }
  }
  return violations
}

/** (d) Between a thief's first success and his last the honest client completes so many refreshes at most. */
function theftShows(history: HistoryEvent[], overlap: number): Violation[] {
  const all = refreshed(history)
  const thefts = all.filter(({ role }) => role === 'thief')
  const [first] = thefts.toSorted((a, b) => a.answered - b.answered)
  const [last] = thefts.toSorted((a, b) => b.sent - a.sent)
  if (!first || !last) return []
  const between = all.filter(
    ({ role, sent, answered }) => role === 'honest' && sent > first.answered && answered < last.sent,
  )
  const completed = new Set(between.map(({ outcome }) => outcome.generation)).size
  if (completed <= overlap) return []
  return [violation('theft shows', `the user refreshed ${completed} times while a thief went on`, first, last)]
}

/** (e) Who asks after an answer was given is not answered with less. */
function neverBackward(history: HistoryEvent[]): Violation[] {
  const violations: Violation[] = []
  for (const era of eras(history)) {
    const all = refreshed(era)
    for (const earlier of all) {
      const lower = all.find(
        ({ sent, outcome }) => sent > earlier.answered && outcome.generation < earlier.outcome.generation,
      )
      if (lower) violations.push(violation('never backward', 'the generation went down', earlier, lower))
    }
  }
  return violations
}

/** Cuts a history where its row was set back. */
function eras(history: HistoryEvent[]): HistoryEvent[][] {
  const cuts = history.filter(({ operation }) => operation === 'restore').map(({ sent }) => sent)
  return [...Map.groupBy(history, ({ sent }) => cuts.filter((cut) => cut <= sent).length).values()]
}

function refreshed(history: HistoryEvent[]): Refreshed[] {
  return history.filter((event): event is Refreshed => event.operation === 'refresh' && event.outcome.kind === 'tokens')
}

function violation(rule: Rule, why: string, ...events: HistoryEvent[]): Violation {
  return { rule, why, events }
}
