import fc from 'fast-check'
import type { Fate } from './fault-proxy.ts'
import { History } from './history.ts'
import {
  blindStore,
  freshKey,
  raceClient,
  recordStore,
  type StoredRecord,
  sendLogout,
  sendRefresh,
  sendValidate,
  type Where,
} from './race-client.ts'

/** What one actor does in one round; the actions of a round go out together. */
export type Action =
  | { do: 'refresh'; tab: number; node: number; fate: Fate }
  /** A tab is suspended between receiving and saving, until the next `resume`. */
  | { do: 'slow refresh'; tab: number; node: number }
  | { do: 'resume' }
  /** A copy of an earlier request arrives; nobody waits for its reply. */
  | { do: 'late copy'; back: number; node: number }
  | { do: 'logout'; node: number }
  | { do: 'validate'; node: number }
  /** The thief copies what the user stores now, once; or he uses what he has. */
  | { do: 'steal' }
  | { do: 'use'; node: number }

export type Schedule = Action[][]

export type ScheduleOptions = { logout?: boolean; theft?: 'none' | 'token' | 'store' }

const tabs = 2
const nodes = 2

/** Schedules of a user with two tabs on one store, over a network that loses, doubles and delays. */
export function schedules({ logout = false, theft = 'none' }: ScheduleOptions): fc.Arbitrary<Schedule> {
  const node = fc.nat(nodes - 1)
  const fate = fc.constantFrom<Fate>(
    'deliver',
    'deliver',
    'deliver',
    'lose-reply',
    'lose-reply',
    'lose-request',
    'duplicate',
  )
  const refresh = fc.record({ do: fc.constant('refresh' as const), tab: fc.nat(tabs - 1), node, fate })
  const copy = fc.record({ do: fc.constant('late copy' as const), back: fc.nat(6), node })
  const actions: { weight: number; arbitrary: fc.Arbitrary<Action> }[] = [
    { weight: 8, arbitrary: refresh },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('slow refresh' as const), tab: fc.nat(tabs - 1), node }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('resume' as const) }) },
    { weight: 2, arbitrary: copy },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('validate' as const), node }) },
  ]
  if (logout) actions.push({ weight: 1, arbitrary: fc.record({ do: fc.constant('logout' as const), node }) })
  if (theft !== 'none') {
    actions.push({ weight: 1, arbitrary: fc.record({ do: fc.constant('steal' as const) }) })
    actions.push({ weight: 4, arbitrary: fc.record({ do: fc.constant('use' as const), node }) })
  }
  const round = fc.array(fc.oneof(...actions), { minLength: 1, maxLength: 4 })
  return fc.array(round, { minLength: 1, maxLength: 14, size: 'max' })
}

export type Opened = { id: string; token: string }
export type ClientKind = 'by the rules' | 'key made when sending' | 'blind store' | 'without keys'

/**
 * Plays a schedule against servers and tells what everybody saw.
 * @returns the history, and why the user's client gave up though nobody told it that the session had ended
 */
export async function play(
  schedule: Schedule,
  places: Where[],
  { id, token }: Opened,
  options: { client?: ClientKind; theft?: 'none' | 'token' | 'store' } = {},
): Promise<{ history: History; overtaken: boolean }> {
  const { client: kind = 'by the rules', theft = 'none' } = options
  const history = new History()
  const first: StoredRecord = { token, generation: 0, key: kind === 'without keys' ? null : freshKey() }
  const store = kind === 'blind store' ? blindStore(first) : recordStore(first)
  const clients = Array.from({ length: tabs }, (_, tab) =>
    raceClient(history, { session: id, client: `tab ${tab}`, role: 'honest' }, store),
  )
  const thief = { session: id, client: 'thief', role: 'thief' as const }
  const copies: StoredRecord[] = []
  const loot: StoredRecord[] = []
  const suspended: Promise<unknown>[] = []
  let { promise: resumed, resolve: resume } = Promise.withResolvers<void>()
  const place = (node: number) => places[node % places.length]!

  const wake = async () => {
    resume()
    await Promise.all(suspended.splice(0))
    ;({ promise: resumed, resolve: resume } = Promise.withResolvers<void>())
  }
  const act = async (action: Action): Promise<void> => {
    switch (action.do) {
      case 'refresh': {
        const client = clients[action.tab]!
        if (clients.some(({ over }) => over !== null)) return
        if (kind === 'key made when sending') store.record = { ...store.record, key: freshKey() }
        copies.push(store.record)
        await client.refresh(place(action.node), action.fate)
        return
      }
      case 'slow refresh': {
        copies.push(store.record)
        suspended.push(clients[action.tab]!.refresh(place(action.node), 'deliver', resumed))
        return
      }
      case 'resume':
        return wake()
      case 'late copy': {
        const copy = copies.at(-1 - action.back)
        // Nothing is promised to a request that comes more than eight rotations late.
        if (copy && store.record.generation - copy.generation < 8) {
          await sendRefresh(history, clients[0]!.who, place(action.node), copy)
        }
        return
      }
      case 'logout':
        await sendLogout(history, clients[0]!.who, place(action.node), store.record.token)
        return
      case 'validate': {
        const access = clients[0]!.accessToken ?? clients[1]!.accessToken
        if (access !== null) await sendValidate(history, clients[0]!.who, place(action.node), access)
        return
      }
      case 'steal':
        if (loot.length === 0) loot.push(theft === 'store' ? store.record : { ...store.record, key: freshKey() })
        return
      case 'use': {
        const used = loot.at(-1)
        if (!used) return
        const outcome = await sendRefresh(history, thief, place(action.node), used)
        if (outcome.kind === 'tokens' && outcome.generation > used.generation) {
          // With the key he may repeat the request as it was; what he got for it he may use as his own.
          const own = { token: outcome.token, generation: outcome.generation, key: freshKey() }
          if (theft === 'token') loot.push(own)
        }
        return
      }
    }
  }

  for (const round of schedule) await Promise.all(round.map(act))
  await wake()
  // In the end the network works: whoever follows the rules is still logged in, unless the user ended it or a thief came.
  const [client] = clients
  if (clients.every(({ over }) => over === null)) {
    await act({ do: 'refresh', tab: 0, node: 0, fate: 'deliver' })
    await act({ do: 'refresh', tab: 0, node: 0, fate: 'deliver' })
  }
  return { history, overtaken: client!.over === 'overtaken' || clients[1]!.over === 'overtaken' }
}
