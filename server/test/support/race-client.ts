import { randomToken } from '../../src/random.ts'
import type { Fate } from './fault-proxy.ts'
import type { History, HistoryEvent, Outcome } from './history.ts'
import { type Answer, call } from './server.ts'

/** What a client stores, in one write. */
export type StoredRecord = { token: string; generation: number; key: string | null }

/** A store that follows the client rules: a fresh key with every new token, and never backward. */
export type RecordStore = { record: StoredRecord; save(token: string, generation: number): void }

export const freshKey = () => randomToken(16)

export function recordStore(first: StoredRecord): RecordStore {
  return {
    record: first,
    save(token, generation) {
      if (generation > this.record.generation) {
        this.record = { token, generation, key: this.record.key === null ? null : freshKey() }
      }
    },
  }
}

/** Breaks the second rule: whatever comes last stays. */
export function blindStore(first: StoredRecord): RecordStore {
  return {
    record: first,
    save(token, generation) {
      this.record = { token, generation, key: freshKey() }
    },
  }
}

export type Who = Pick<HistoryEvent, 'session' | 'client' | 'role'>
export type Where = { node: string; address: string }

/** Sends one refresh and records it; who gets the answer does with it what it likes. */
export function sendRefresh(
  history: History,
  who: Who,
  where: Where,
  { token, generation, key }: StoredRecord,
  fate: Fate = 'deliver',
): Promise<Outcome> {
  return history.record({ ...who, node: where.node, operation: 'refresh', generation, key }, async () =>
    outcomeOf(
      await call(where.address, 'POST', '/v1/auth/refresh', {
        body: { refresh_token: token },
        headers: { 'x-fate': fate, ...(key !== null && { 'refresh-key': key }) },
      }),
    ),
  )
}

export function sendLogout(history: History, who: Who, where: Where, token: string, fate: Fate = 'deliver') {
  return history.record({ ...who, node: where.node, operation: 'end', generation: -1, key: null }, async () =>
    outcomeOf(
      await call(where.address, 'POST', '/v1/auth/logout', {
        body: { refresh_token: token },
        headers: { 'x-fate': fate },
      }),
    ),
  )
}

export function sendValidate(history: History, who: Who, where: Where, accessToken: string) {
  return history.record({ ...who, node: where.node, operation: 'validate', generation: -1, key: null }, async () =>
    outcomeOf(await call(where.address, 'GET', '/v1/auth/validate', { token: accessToken })),
  )
}

export function outcomeOf({ status, body }: Answer): Outcome {
  if (status === 200 && body.refresh_token) {
    const { refresh_token: token, generation, access_token: accessToken } = body
    return { kind: 'tokens', token, generation, accessToken }
  }
  if (status < 300) return { kind: 'done' }
  if (body.session_ended === true) return { kind: 'ended', reason: body.end_reason }
  if (body.code === 'refresh_superseded') return { kind: 'superseded' }
  return { kind: 'refused', status }
}

/** Somebody who uses a store as the client rules say: reads, sends, saves; retries what was lost. */
export function raceClient(history: History, who: Who, store: RecordStore) {
  return {
    who,
    store,
    over: null as string | null,
    /** The last access token it got. */
    accessToken: null as string | null,
    /** @param resumed when the client, suspended after the reply came, goes on and saves it */
    async refresh(where: Where, fate: Fate = 'deliver', resumed?: Promise<void>): Promise<Outcome> {
      const sent = store.record
      const outcome = await sendRefresh(history, who, where, sent, fate)
      await resumed
      if (outcome.kind === 'tokens') {
        store.save(outcome.token, outcome.generation)
        this.accessToken = outcome.accessToken
      }
      if (outcome.kind === 'ended') this.over = outcome.reason
      // "Read again" while there is nothing newer: this store was overtaken.
      if (outcome.kind === 'superseded' && store.record === sent) this.over = 'overtaken'
      return outcome
    },
    /** Tries until it is answered. */
    async refreshUntilAnswered(where: () => Where, pause: () => Promise<unknown>): Promise<Outcome> {
      for (let tries = 0; tries < 200; tries++) {
        const outcome = await this.refresh(where())
        if (outcome.kind !== 'unknown' && outcome.kind !== 'refused') return outcome
        await pause()
      }
      throw new Error('No answer came.')
    },
  }
}

export type RaceClient = ReturnType<typeof raceClient>
