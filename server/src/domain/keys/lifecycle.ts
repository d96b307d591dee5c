import type { SigningKeyRow } from '../../database/schema.ts'

/** How long a key stays in which state, in milliseconds. */
export type KeyTimes = {
  /** Signs for this long. */
  interval: number
  /** Is published for this long before it signs: longer than any verifier keeps a set without it. */
  publishAhead: number
  /** Is published for this long after it last signed: longer than any token of it lives. */
  retireAfter: number
}

/** No verifier keeps a key set for longer, whatever a node's settings were when it asked (`JWKS_MAX_AGE` ends here). */
export const longestSetAge = 24 * 60 * 60 * 1000

export type KeyStep =
  | { kind: 'create'; state: 'next' | 'active' }
  | { kind: 'activate'; kid: string }
  | { kind: 'retire'; kid: string }
  | { kind: 'remove'; kid: string; from: 'next' | 'retiring' }

type Row = Pick<SigningKeyRow, 'kid' | 'algorithm' | 'state' | 'created_at' | 'activated_at' | 'retired_at'> & {
  /** False where no master key of this node opens the private half (`markOpening`): such a key never takes over. */
  opens?: boolean
}
type Rows = Row[]

/**
 * What is to be done with the signing keys now: `next` (published, does not sign) → `active` (signs) → `retiring`
 * (published, signs no more) → `removed`. There is always a next one, so that even in an emergency the key that takes
 * over is one that every node and every verifier knows already.
 * @param now milliseconds since 1970
 */
export function dueSteps(rows: Rows, algorithm: string, times: KeyTimes, now: number): KeyStep[] {
  const steps: KeyStep[] = []
  const [active, ...surplus] = activeFirst(rows)
  const next = rows.filter(({ state }) => state === 'next').sort(byAge)
  const able = next.filter(canSign)
  const wanted = able.filter((row) => row.algorithm === algorithm)

  for (const { kid } of surplus) steps.push({ kind: 'retire', kid })
  const due = !active || active.algorithm !== algorithm || now - (active.activated_at ?? 0) >= times.interval
  // Without an active key nothing is signed: then any key will do, however young.
  const successor = active ? wanted.find((row) => now - row.created_at >= times.publishAhead) : (wanted[0] ?? able[0])
  if (due && successor) steps.push(...takeOver(active, successor))
  else if (!active) steps.push({ kind: 'create', state: 'active' })

  const waiting = due && successor ? wanted.filter((row) => row !== successor) : wanted
  if (waiting.length === 0) steps.push({ kind: 'create', state: 'next' })
  for (const row of next) {
    if (row.algorithm !== algorithm && row !== successor) steps.push({ kind: 'remove', kid: row.kid, from: 'next' })
  }
  for (const row of rows) {
    if (row.state !== 'retiring' || now - (row.retired_at ?? 0) < times.retireAfter) continue
    steps.push({ kind: 'remove', kid: row.kid, from: 'retiring' })
  }
  return steps
}

/** The steps by which the next key takes over at once, however short it has been published. */
export function stepsToRotate(rows: Rows, algorithm: string): KeyStep[] {
  const [active] = activeFirst(rows)
  const [successor, ...others] = successors(rows, algorithm)
  const steps: KeyStep[] = successor
    ? takeOver(active, successor)
    : [{ kind: 'create', state: 'active' }, ...(active ? [{ kind: 'retire' as const, kid: active.kid }] : [])]
  return others.length > 0 ? steps : [...steps, { kind: 'create', state: 'next' }]
}

/** When the next key will have been published for long enough; null when there is none. Milliseconds since 1970. */
export function nextIsReadyAt(rows: Rows, algorithm: string, { publishAhead }: KeyTimes): number | null {
  const [next] = successors(rows, algorithm)
  return next ? next.created_at + publishAhead : null
}

/** All nodes must choose the same one, should there ever be two. */
export function activeFirst<Row extends Rows[number]>(rows: readonly Row[]): Row[] {
  return rows
    .filter(({ state }) => state === 'active')
    .sort((a, b) => (b.activated_at ?? 0) - (a.activated_at ?? 0) || (a.kid < b.kid ? -1 : 1))
}

/** The keys that may take over, the one that has been published longest first. */
function successors(rows: Rows, algorithm: string): Rows {
  return rows.filter((row) => row.state === 'next' && row.algorithm === algorithm && canSign(row)).sort(byAge)
}

function canSign({ opens }: Row): boolean {
  return opens !== false
}

function takeOver(active: Rows[number] | undefined, successor: Rows[number]): KeyStep[] {
  const activate: KeyStep = { kind: 'activate', kid: successor.kid }
  return active ? [activate, { kind: 'retire', kid: active.kid }] : [activate]
}

function byAge(a: Rows[number], b: Rows[number]): number {
  return a.created_at - b.created_at || (a.kid < b.kid ? -1 : 1)
}
