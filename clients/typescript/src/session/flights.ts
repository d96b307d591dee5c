import type { SessionStorage } from '../storage/storage.ts'
import type { RefreshOutcome } from './refresh.ts'

const flights = new WeakMap<SessionStorage, Map<string, Promise<RefreshOutcome>>>()

/**
 * One refresh at a time for each record of a storage, whichever client objects ask for it. Those that have storage
 * objects of their own on the same records are kept in order by its lock.
 * @param start called unless one is under way, which is joined instead
 */
export function shareFlight(
  storage: SessionStorage,
  key: string,
  start: () => Promise<RefreshOutcome>,
): Promise<RefreshOutcome> {
  const own = flights.get(storage) ?? new Map<string, Promise<RefreshOutcome>>()
  flights.set(storage, own)
  const flight = own.get(key) ?? start().finally(() => own.delete(key))
  own.set(key, flight)
  return flight
}
