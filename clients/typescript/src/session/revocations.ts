import type { SessionStorage } from '../storage/storage.ts'
import { parse, type SessionRecord } from './record.ts'

/** Logouts that the server could not be told of, kept for the next start. */
export type Queue = { storage: Pick<SessionStorage, 'get' | 'advance'>; key: string }
type Waiting = { v: 1; gen: number; items: { record: SessionRecord; scope: 'this' | 'all' }[] }

const most = 5

/** @returns false when it is not kept: there are five already */
export async function queueRevocation(
  { storage, key }: Queue,
  record: SessionRecord,
  scope: 'this' | 'all',
): Promise<boolean> {
  for (;;) {
    const { gen, items } = read(await storage.get(key))
    if (items.length >= most) return false
    // The access token is of no use there.
    const next: Waiting = { v: 1, gen: gen + 1, items: [...items, { record: { ...record, at: '' }, scope }] }
    if (await storage.advance(key, JSON.stringify(next), next.gen)) return true
  }
}

/** Tells the server, one after the other; what fails stays for another time. */
export async function sendQueued(
  { storage, key }: Queue,
  send: (record: SessionRecord, scope: 'this' | 'all') => Promise<boolean>,
): Promise<void> {
  const { gen, items } = read(await storage.get(key))
  if (items.length === 0) return
  const left = []
  for (const item of items) if (!(await send(item.record, item.scope))) left.push(item)
  if (left.length === items.length) return
  await storage.advance(key, JSON.stringify({ v: 1, gen: gen + 1, items: left } satisfies Waiting), gen + 1)
}

function read(raw: string | null): Waiting {
  const value = parse(raw) as Waiting | null
  // Unreadable: nothing is known to wait.
  return value?.v === 1 && Array.isArray(value.items) ? value : { v: 1, gen: 0, items: [] }
}
