import type { SessionStorage } from '../storage/storage.ts'
import { type Found, readRecord, type Tombstone } from './record.ts'

/**
 * Writes down that the session ended, over any record of it.
 * @param sid leaves those of other sessions alone; of whichever there is, if left out
 * @returns what was there, and the place of the end if one was written
 */
export async function bury(
  storage: Pick<SessionStorage, 'get' | 'advance'>,
  key: string,
  ended: string,
  by: Tombstone['by'],
  sid?: string,
): Promise<{ found: Found; gen?: number }> {
  for (;;) {
    const found = readRecord(await storage.get(key))
    if (!found.record || (sid ?? found.record.sid) !== found.record.sid) return { found }
    const gen = found.gen + 1
    const tombstone: Tombstone = { v: 1, gen, ended, by }
    if (await storage.advance(key, JSON.stringify(tombstone), gen)) return { found, gen }
  }
}
