import type { SessionStorage } from '../storage/storage.ts'
import type { RefreshOutcome } from './refresh.ts'

/** One refresh at a time for each stored record in this process, whichever client objects ask for it. */
const flights = new Map<string, Promise<RefreshOutcome>>()
const ids = new WeakMap<SessionStorage, string>()
let counted = 0

/**
 * @param name as `nameOf` tells it
 * @param start called unless one is under way, which is joined instead
 */
export function shareFlight(name: string, start: () => Promise<RefreshOutcome>): Promise<RefreshOutcome> {
  const flight = flights.get(name) ?? start().finally(() => flights.delete(name))
  flights.set(name, flight)
  return flight
}

/** The same for all who share the record. */
export function nameOf(storage: SessionStorage, key: string): string {
  const id = storage.id ?? ids.get(storage) ?? `object:${++counted}`
  ids.set(storage, id)
  return `${id} ${key}`
}
