import type { SessionStorage } from '../storage/storage.ts'
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
  rt?: string | undefined
  /** The Refresh-Key, made when this token was stored. A record without one is sent without. */
  rk?: string | undefined
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

/**
 * What stays when a session ended, so that no late writer can bring it back. `rt`: its last refresh token once it is
 * dead, by which the server knows the device at the next login.
 */
export type Tombstone = { v: 1; gen: number; ended: string; by: 'user' | 'server'; rt?: string | undefined }

/** What a store held: a session or its end, which may be that there never was one. `bad`: what cannot be read. */
export type Found = { rt?: string | undefined; bad?: string | null } & (
  | { gen: number; record: SessionRecord; end?: never }
  | { gen: number; record?: never; end: End }
)

/** @param raw as the store gave it; undecodable or newer than this program counts as nothing, and is not destroyed */
export function readRecord(raw: string | null): Found {
  const gen = generationOf(raw)
  const value = parse(raw)
  if (value?.v === 1 && gen > 0) {
    const { ended, by, rt } = value as Partial<Tombstone>
    if (typeof ended === 'string') {
      return { gen, rt, end: { gen, reason: ended, initiator: by === 'server' ? by : 'this' } }
    }
    if (isRecord(value)) return { gen, rt, record: value }
  }
  const end = { gen: Math.max(gen, 0), reason: 'none', initiator: 'this' } as const
  return { gen: end.gen, end, bad: raw }
}

/**
 * The place of a stored value in the store's order, for stores that compare and set.
 * @returns -1 for what is absent or cannot be read
 */
export function generationOf(raw: string | null | undefined): number {
  const gen = parse(raw)?.gen
  return Number.isSafeInteger(gen) ? (gen as number) : -1
}

/**
 * Writes what `make` answers to what is stored, again if somebody else wrote in between. Nothing, if it answers nothing.
 * @returns what was there, and what was written over it
 */
export async function write<R extends SessionRecord | Tombstone | undefined>(
  storage: Pick<SessionStorage, 'get' | 'advance'>,
  key: string,
  make: (found: Found) => R,
): Promise<{ found: Found; written: R }> {
  for (;;) {
    const found = readRecord(await storage.get(key))
    const written = make(found)
    if (!written || (await storage.advance(key, JSON.stringify(written), written.gen))) return { found, written }
  }
}

/**
 * Writes down that the session ended, over any record of it.
 * @param sid leaves those of other sessions alone; of whichever there is, if left out
 */
export function bury(
  storage: Pick<SessionStorage, 'get' | 'advance'>,
  key: string,
  { ended, by, sid }: Pick<Tombstone, 'ended' | 'by'> & { sid?: string },
): Promise<{ found: Found; written: Tombstone | undefined }> {
  return write(storage, key, ({ gen, record, rt }) =>
    record && (sid ?? record.sid) === record.sid
      ? { v: 1, gen: gen + 1, ended, by, rt: by === 'server' ? rt : undefined }
      : undefined,
  )
}

/** A Refresh-Key: 128 random bits. */
export function freshKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (each) => each.toString(16).padStart(2, '0')).join('')
}

/** An object, or null. */
export function parse(raw: string | null | undefined): Record<string, unknown> | null {
  try {
    const value = JSON.parse(raw as string)
    return Object(value) === value ? value : null
  } catch {
    return null
  }
}

function isRecord(value: Record<string, unknown>): value is SessionRecord {
  const text = ['iss', 'sid', 'sub', 'at'].every((name) => typeof value[name] === 'string')
  return text && ['rcv', 'exp', 'due', 'rexp', 'off', 'n'].every((name) => Number.isFinite(value[name]))
}
