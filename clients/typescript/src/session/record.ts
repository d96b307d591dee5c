import type { End } from './machine.ts'

/**
 * What a store holds under one key: token, key and place in one value, so that they can only change together. Python's
 * client writes the same. Times are seconds since 1970 by the clock of the machine that wrote them.
 */
export type SessionRecord = {
  v: 1
  /** Place in the store's order: whoever replaces a record writes one more than what it read. */
  gen: number
  iss: string
  sid: string
  sub: string
  /** The refresh token; absent where a cookie carries it. */
  rt?: string
  /** The Refresh-Key, made when this token was stored. A record without one is sent without. */
  rk?: string
  /** The access token; empty where a cookie carries the other one, for then it is for memory alone. */
  at: string
  /** When the access token was received, when it expires, and when it is to be replaced. */
  rcv: number
  exp: number
  due: number
  /** When the refresh token lapses if it is not used. */
  rexp: number
  /** Server time minus local time, in seconds. */
  off: number
  /** How many times the session was refreshed, as the server counts. */
  n: number
}

/** What stays when a session ended, so that no late writer can bring it back. */
export type Tombstone = { v: 1; gen: number; ended: string; by: 'user' | 'server' }

/** What a store held: a session, its end, or neither. `bad`: something that this program cannot read. */
export type Found = { gen: number; record?: SessionRecord; end?: End; bad?: boolean }

/** @param raw as the store gave it; undecodable or newer than this program counts as nothing, and is not destroyed */
export function readRecord(raw: string | null): Found {
  const gen = generationOf(raw)
  const value = parse(raw)
  if (value?.v === 1 && gen > 0) {
    const { ended, by } = value
    if (typeof ended === 'string') {
      return { gen, end: { gen, reason: ended, initiator: by === 'server' ? by : 'this' } }
    }
    if (isRecord(value)) return { gen, record: value }
  }
  return { gen: Math.max(gen, 0), bad: raw !== null }
}

/**
 * The place of a stored value in the store's order, for stores that compare and set.
 * @returns -1 for what is absent or cannot be read
 */
export function generationOf(raw: string | null | undefined): number {
  const gen = parse(raw)?.gen
  return Number.isSafeInteger(gen) ? (gen as number) : -1
}

/** A Refresh-Key: 128 random bits. */
export function freshKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (each) => each.toString(16).padStart(2, '0')).join('')
}

/** An object, or null. */
export function parse(raw: string | null | undefined): Record<string, unknown> | null {
  try {
    const value = JSON.parse(raw ?? '')
    return typeof value === 'object' && value !== null ? value : null
  } catch {
    return null
  }
}

function isRecord(value: Record<string, unknown>): value is SessionRecord {
  const text = ['iss', 'sid', 'sub', 'at'].every((name) => typeof value[name] === 'string')
  return text && ['rcv', 'exp', 'due', 'rexp', 'off', 'n'].every((name) => Number.isFinite(value[name]))
}
