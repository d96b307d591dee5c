import { setTimeout as delay } from 'node:timers/promises'
import type { Db } from '../../database/connect.ts'
import type { Keyring } from './keyring.ts'
import { listSigningKeys } from './store.ts'

export type KeyReader = {
  /** Brings the keyring up to what the database holds. */
  read(): Promise<void>
  /**
   * The same for whoever met a key that this node does not know: all who ask at about the same time share one reading,
   * so that made-up key ids cannot make work. The reading begins after the call.
   */
  again(): Promise<void>
}

/** Readings on demand are at least so far apart, in milliseconds. */
const apart = 250

export function keyReader(db: Db, keyring: Keyring): KeyReader {
  let began = Number.NEGATIVE_INFINITY
  let waiting: Promise<void> | null = null

  let started = 0
  let newest = 0
  const read = async () => {
    began = performance.now()
    const turn = ++started
    const rows = await listSigningKeys(db)
    // An answer that was overtaken by a later one would take back what that one brought.
    if (turn < newest) return
    newest = turn
    keyring.load(rows)
  }
  const readLater = async () => {
    await delay(Math.max(0, began + apart - performance.now()))
    waiting = null
    await read()
  }
  return {
    read,
    again() {
      waiting ??= readLater()
      return waiting
    },
  }
}
