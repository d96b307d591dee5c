import { NetworkError } from '../errors/errors.ts'
import { readRecord, type SessionRecord } from '../session/record.ts'
import { type KeptStorage, resilient } from './resilient.ts'
import type { SessionStorage } from './storage.ts'
import { underWebLock } from './web-lock.ts'

/**
 * Which record of a storage it is about. `name`: the same for all who share the record. `turns`: whether there are locks;
 * without them no key is kept.
 */
type Place = { name: string; key: string; turns: boolean; waitMs: number; troubled: (error: unknown) => void }

/** The access tokens of this page by the name of their record: they are for memory alone where a cookie is used. */
const accessTokens = new Map<string, Pick<SessionRecord, 'sid' | 'at' | 'rcv' | 'exp' | 'due'>>()

/**
 * A storage for the record of a session whose refresh token is in a cookie (`refresh-protocol.md`, "Cookie mode"). The
 * access token is not written down. Whoever makes the server set the cookie waits for its turn, and gives up rather than
 * go without one: replies that come in another order would set the cookie back behind the key.
 */
export function besideCookie(bare: SessionStorage, { name, key, turns, waitMs, troubled }: Place): KeptStorage {
  const storage = resilient(bare, false, troubled, withoutKey)
  return {
    ...storage,
    async get(which) {
      const raw = await storage.get(which)
      const mine = accessTokens.get(name)
      if (which !== key || !mine) return raw
      const { record } = readRecord(raw)
      return record?.sid === mine.sid ? JSON.stringify({ ...record, ...mine }) : raw
    },
    advance(which, text, gen) {
      const { record } = readRecord(text)
      if (which !== key || !record) return storage.advance(which, text, gen)
      const { sid, at, rcv, exp, due } = record
      if (at) accessTokens.set(name, { sid, at, rcv, exp, due })
      const kept = JSON.stringify({ ...record, at: '' })
      return storage.advance(which, turns ? kept : withoutKey(kept), gen)
    },
    lock(_which, _waitMs, work) {
      const busy = (cause: unknown) =>
        new NetworkError('timeout', 'Another tab is busy with this session.', { cause, retryable: true })
      return turns ? underWebLock(name, waitMs, work, busy) : work()
    },
  }
}

/** A key that other tabs do not know would make this one look like a second user of the cookie. */
function withoutKey(record: string): string {
  return JSON.stringify({ ...JSON.parse(record), rk: undefined })
}
