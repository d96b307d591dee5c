import { AuthError } from '../errors/errors.ts'
import type { KeptStorage } from '../storage/plain.ts'
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

/**
 * What a store held: a session or its end, which may be that there never was one. `bad`: what is not ours to read.
 * `unknown`: the store could not tell.
 */
export type Found = { rt?: string | undefined; bad?: string | null; unknown?: boolean } & (
  | { gen: number; record: SessionRecord; end?: never }
  | { gen: number; record?: never; end: End }
)

/**
 * @param raw as the store gave it; undecodable, newer than this program or of another server counts as nothing, and is
 * not destroyed. Undefined where the store failed: whatever is there, a login of now counts more.
 * @param iss of any server, if left out
 */
export function readRecord(raw: string | null | undefined, iss?: string): Found {
  const gen = generationOf(raw)
  const value = parse(raw)
  if (value?.v === 1 && gen > 0) {
    const { ended, by, rt } = value as Partial<Tombstone>
    if (typeof ended === 'string') {
      return { gen, rt, end: { gen, reason: ended, initiator: by === 'server' ? by : 'this' } }
    }
    if (isRecord(value) && value.iss === (iss ?? value.iss)) return { gen, rt, record: value }
  }
  const unknown = raw === undefined
  const place = unknown ? Math.round(Date.now() / 1000) : Math.max(gen, 0)
  return { gen: place, end: { gen: place, reason: 'none', initiator: 'this' }, bad: raw ?? null, unknown }
}

/**
 * The place of a stored value in the store's order, for stores that compare and set.
 * @returns -1 for what is absent or cannot be read
 */
export function generationOf(raw: string | null | undefined): number {
  const gen = parse(raw)?.gen
  return Number.isSafeInteger(gen) ? (gen as number) : -1
}

/** The record of one server under one key. What is `known` stands for what a store cannot tell. */
export type Store = {
  read(known?: SessionRecord | null): Promise<Found>
  /**
   * @param follows on a record that others may have read
   * @returns false when it was dropped, because what is stored is newer; null when it could not be written
   */
  put(record: SessionRecord | Tombstone, follows?: boolean): boolean | null | Promise<boolean | null>
  /**
   * Writes what `make` answers to what is stored, again if somebody else wrote in between. Nothing, if it answers nothing.
   * @returns what was there, and what was written over it
   */
  write<R extends SessionRecord | Tombstone | undefined>(
    make: (found: Found) => R,
    known?: SessionRecord | null,
  ): Promise<{ found: Found; written: R }>
  /** Writes down that the session ended, over the record of it (or of its user), and over no other one. */
  bury(
    ended: string,
    by: Tombstone['by'],
    known: SessionRecord | null,
    what: 'sid' | 'sub',
  ): Promise<{ found: Found; written: Tombstone | undefined }>
}

export function recordIn(storage: Pick<KeptStorage, 'get' | 'advance'>, key: string, iss: string): Store {
  const read: Store['read'] = async (known) => {
    const found = readRecord(await storage.get(key), iss)
    if (!found.unknown || !known) return found
    // Where a cookie is used, a key that may be an old one is worse than none.
    return { gen: known.gen, record: known.rt ? known : { ...known, rk: undefined } }
  }
  const put: Store['put'] = (record, follows) => storage.advance(key, JSON.stringify(record), record.gen, follows)
  async function write<R extends SessionRecord | Tombstone | undefined>(
    make: (found: Found) => R,
    known?: SessionRecord | null,
  ): Promise<{ found: Found; written: R }> {
    for (;;) {
      const found = await read(known)
      const written = make(found)
      const follows = found.record?.sid === (written as Partial<SessionRecord> | undefined)?.sid
      if (!written || (await put(written, follows)) !== false) return { found, written }
    }
  }
  const bury: Store['bury'] = (ended, by, known, what) =>
    write(
      ({ gen, record, rt }): Tombstone | undefined =>
        record && record[what] === (known ?? record)[what]
          ? { v: 1, gen: gen + 1, ended, by, rt: by === 'server' ? rt : undefined }
          : undefined,
      known,
    )
  return { read, put, write, bury }
}

/** A Refresh-Key: 128 random bits. */
export function freshKey(): string {
  return crypto.getRandomValues(new Uint8Array(16)).join('-')
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

/** A store that fails says nothing about the session. */
export function unreadable(): AuthError {
  return new AuthError('storage_unavailable', 'The storage cannot be read.', { retryable: true })
}

export function isRecord(value: Record<string, unknown>): value is SessionRecord {
  const text = ['iss', 'sid', 'sub', 'at'].every((name) => typeof value[name] === 'string')
  return text && ['rcv', 'exp', 'due', 'rexp', 'off', 'n'].every((name) => Number.isFinite(value[name]))
}
