import type { SessionStorage } from '../storage/storage.ts'
import type { RefreshOutcome } from './refresh.ts'

/** One refresh at a time for each stored record in this process, whichever client objects ask for it. */
const flights = new Map<string, Promise<RefreshOutcome>>()
const ids = new WeakMap<SessionStorage, string>()
let counted = 0

/** @param start called unless one is under way, which is joined instead */
export function shareFlight(
  storage: SessionStorage,
  key: string,
  start: () => Promise<RefreshOutcome>,
): Promise<RefreshOutcome> {
  const name = nameOf(storage, key)
  const flying = flights.get(name)
  if (flying) return flying
  const flight = start().finally(() => flights.delete(name))
  flights.set(name, flight)
  return flight
}

/** The same for all who share the record. */
export function nameOf(storage: SessionStorage, key: string): string {
  return `${idOf(storage)} ${key}`
}

function idOf(storage: SessionStorage): string {
  if (storage.id !== undefined) return storage.id
  let id = ids.get(storage)
  if (id === undefined) {
    id = `object:${++counted}`
    ids.set(storage, id)
  }
  return id
}
