import type { KeptStorage } from '../storage/plain.ts'
import { generationOf, parse, type SessionRecord } from './record.ts'

export type Scope = 'this' | 'all'
/** `later`: it could not be asked. */
export type Told = 'done' | 'failed' | 'later'
type Item = { record: SessionRecord; scope: Scope }
type Waiting = { v: 1; gen: number; items: Item[] }

/** Logouts that the server could not be told of, kept for the next start. */
export type Queue = {
  /** @returns false when it is not kept: there are five already, or another version of this program keeps them */
  add(record: SessionRecord, scope: Scope): Promise<boolean>
  /** Tells the server, one after the other; what could not be told stays for another time. */
  send(send: (record: SessionRecord, scope: Scope) => Promise<Told>): Promise<unknown>
}

/** @param iss whose logouts; those of another server are kept, and not sent here */
export function revocationQueue(storage: Pick<KeptStorage, 'get' | 'advance'>, key: string, iss: string): Queue {
  /** @returns false where nothing is to be changed, or what waits is of another version of this program */
  const change = async (make: (items: Item[]) => false | Item[] | Promise<false | Item[]>): Promise<boolean> => {
    for (;;) {
      const raw = await storage.get(key)
      const gen = generationOf(raw) + 1
      const { v, items } = { ...parse(raw) } as Partial<Waiting>
      const known = v === 1 && Array.isArray(items) ? items : gen === 0 && []
      const next = known && (await make(known))
      if (!next) return false
      if (await storage.advance(key, JSON.stringify({ v: 1, gen, items: next } satisfies Waiting), gen)) return true
    }
  }
  return {
    // The access token is of no use there.
    add: (record, scope) => change((items) => items.length < 5 && [...items, { record: { ...record, at: '' }, scope }]),
    send: (send) =>
      change(async (items) => {
        const left: Item[] = []
        for (const item of items) {
          const { record, scope } = { ...item }
          if (record && (record.iss !== iss || (await send(record, scope)) === 'later')) left.push(item)
        }
        return left.length < items.length && left
      }),
  }
}
