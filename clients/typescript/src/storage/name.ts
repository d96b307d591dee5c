import type { SessionStorage } from './storage.ts'

const ids = new WeakMap<SessionStorage, string>()
let counted = 0

/** The same for all who share the record. */
export function nameOf(storage: SessionStorage, key: string): string {
  const id = storage.id ?? ids.get(storage) ?? `object:${++counted}`
  ids.set(storage, id)
  return `${id} ${key}`
}
