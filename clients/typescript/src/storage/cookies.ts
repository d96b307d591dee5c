import { NetworkError } from '../errors/errors.ts'
import { misconfigured } from '../options.ts'
import { readRecord, type SessionRecord } from '../session/record.ts'
import { nameOf } from './name.ts'
import type { Keeping } from './plain.ts'
import { resilient } from './resilient.ts'
import { underWebLock } from './web-lock.ts'

/** The access tokens of this page by the name of their record: they are for memory alone where a cookie is used. */
const accessTokens = new Map<string, Pick<SessionRecord, 'sid' | 'at' | 'rcv' | 'exp' | 'due'>>()

/**
 * Has the refresh token rest in a cookie that no script can read (`refresh-protocol.md`, "Cookie mode"). The access
 * token is not written down. Whoever makes the server set the cookie waits for its turn, and gives up rather than go
 * without one: replies that come in another order would set the cookie back behind the key. For pages of the same site
 * as the server.
 */
export function cookies(...wrong: never[]): Keeping {
  if (wrong.length > 0) throw misconfigured('"options.delivery": cookies() expected, got cookies.')
  return (settings, troubled) => {
    const { storage: bare, storageKey: key, lock, timeoutMs } = settings
    const name = nameOf(bare, key)
    // Without locks no key is kept.
    const turns = lock === 'auto' && !!bare.lock && !!globalThis.navigator?.locks
    const storage = resilient(withoutKey)(settings, troubled)
    return {
      ...storage,
      async get(which) {
        const raw = await storage.get(which)
        const mine = accessTokens.get(name)
        if (!mine) return raw
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
        const busy = (cause: unknown) => {
          throw new NetworkError('timeout', 'Another tab is busy with this session.', { cause, retryable: true })
        }
        return turns ? underWebLock(name, timeoutMs * 0.8, work, busy) : work()
      },
    }
  }
}

/** A key that other tabs do not know would make this one look like a second user of the cookie. */
function withoutKey(record: string): string {
  return JSON.stringify({ ...JSON.parse(record), rk: undefined })
}
