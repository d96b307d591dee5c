import type { SessionStorage } from '../storage/storage.ts'
import { parse, type SessionRecord } from './record.ts'

export type Scope = 'this' | 'all'
type Item = { record: SessionRecord; scope: Scope }
type Waiting = { v: 1; gen: number; items: Item[] }

const most = 5

/** Logouts that the server could not be told of, kept for the next start. */
export type Queue = {
  /** @returns false when it is not kept: there are five already */
  add(record: SessionRecord, scope: Scope): Promise<boolean>
  /** Tells the server, one after the other; what fails stays for another time. */
  send(send: (record: SessionRecord, scope: Scope) => Promise<boolean>): Promise<unknown>
}

export function revocationQueue(storage: Pick<SessionStorage, 'get' | 'advance'>, key: string): Queue {
  /** Unreadable: nothing is known to wait. */
  const read = async (): Promise<Waiting> => {
    const value = parse(await storage.get(key)) as Waiting | null
    return value?.v === 1 && Array.isArray(value.items) ? value : { v: 1, gen: 0, items: [] }
  }
  const write = (gen: number, items: Item[]) =>
    storage.advance(key, JSON.stringify({ v: 1, gen, items } satisfies Waiting), gen)
  return {
    async add(record, scope) {
      for (;;) {
        const { gen, items } = await read()
        if (items.length >= most) return false
        // The access token is of no use there.
        if (await write(gen + 1, [...items, { record: { ...record, at: '' }, scope }])) return true
      }
    },
    async send(send) {
      const { gen, items } = await read()
      const left = []
      for (const item of items) if (!(await send(item.record, item.scope))) left.push(item)
      if (left.length < items.length) await write(gen + 1, left)
    },
  }
}
