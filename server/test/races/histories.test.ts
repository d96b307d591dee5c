import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { onEachDatabase } from '../support/databases.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { assertHistory, checkHistory, type Rule } from '../support/history-check.ts'
import { type Flaw, startBrokenServer } from '../support/race-broken-server.ts'
import type { Where } from '../support/race-client.ts'
import { type ClientKind, play, type ScheduleOptions, schedules } from '../support/race-schedule.ts'
import { openSession, startRaceServer } from '../support/race-server.ts'
import type { TestServer } from '../support/server.ts'

// A failing run prints its seed and the shortest schedule it found; NTT_AUTH_TEST_SEED repeats it.
const seed = process.env.NTT_AUTH_TEST_SEED ? { seed: Number(process.env.NTT_AUTH_TEST_SEED) } : {}
const numRuns = Number(process.env.NTT_AUTH_TEST_RUNS ?? 40)

const worlds: { promise: string; options: ScheduleOptions; overlap: number }[] = [
  { promise: 'keep the user logged in through loss, doubling and delay', options: {}, overlap: 0 },
  { promise: 'end for good what the user ends', options: { logout: true }, overlap: 0 },
  { promise: 'show the theft of a token at its second use', options: { theft: 'token' }, overlap: 0 },
  { promise: 'show the theft of a store after one refresh', options: { theft: 'store', logout: true }, overlap: 1 },
]

onEachDatabase((name, url) => {
  // One node on SQLite: a second connection of the same process would wait for the first one, and it for the second.
  const count = name === 'SQLite' ? 1 : 2
  const servers: TestServer[] = []
  const proxies: FaultProxy[] = []
  let places: Where[]

  before(async () => {
    for (let node = 0; node < count; node++) {
      const server = await startRaceServer(url())
      servers.push(server)
      proxies.push(await startFaultProxy(() => server.address))
    }
    places = proxies.map(({ address }, node) => ({ node: `node ${node}`, address }))
  })
  after(async () => {
    for (const proxy of proxies) await proxy.close()
    for (const server of servers) await server.close()
  })

  for (const { promise, options, overlap } of worlds) {
    it(`random schedules ${promise}`, async () => {
      const { theft = 'none' } = options
      await fc.assert(
        fc.asyncProperty(schedules(options), async (schedule) => {
          const { history, overtaken } = await play(schedule, places, await openSession(servers[0]!.app), { theft })
          assertHistory(history.events, { overlap, revocationBound: 2000 })
          assert(!overtaken || theft !== 'none', 'the store was overtaken')
        }),
        { numRuns, ...seed },
      )
    })
  }
})

describe('the checker', () => {
  type Case = { flaw?: Flaw; client?: ClientKind; options: ScheduleOptions; rules: Rule[] }
  const cases: Case[] = [
    { flaw: 'the parent is never answered', options: {}, rules: ['no false logout'] },
    { flaw: 'old keys are forgotten', options: {}, rules: ['no false logout'] },
    { flaw: 'a retry gets a token of its own', options: {}, rules: ['one successor'] },
    { flaw: 'the generation may go back', options: {}, rules: ['never backward'] },
    { flaw: 'a logout is forgotten', options: { logout: true }, rules: ['an end is final'] },
    { flaw: 'the update is not guarded', options: { logout: true, theft: 'token' }, rules: ['one redeemer'] },
    { flaw: 'the parent is answered to anybody', options: { theft: 'token' }, rules: ['one redeemer', 'theft shows'] },
    { flaw: 'a grace on top', options: { theft: 'token' }, rules: ['one redeemer', 'theft shows'] },
    { flaw: 'reuse does not end the session', options: { theft: 'token' }, rules: ['an end is final'] },
    { client: 'key made when sending', options: {}, rules: ['no false logout'] },
    { client: 'blind store', options: {}, rules: ['no false logout'] },
  ]

  for (const { flaw = 'none', client = 'by the rules', options, rules } of cases) {
    it(`reports "${rules.join('" and "')}" when ${flaw === 'none' ? `the client has: ${client}` : flaw}`, async () => {
      const found = await violatedBy(flaw, client, options, rules)
      for (const rule of rules) assert(found.has(rule), `found only ${[...found].join(', ') || 'nothing'}`)
    })
  }

  for (const { promise, options } of worlds) {
    it(`finds nothing in a server without flaws: ${promise}`, async () => {
      assert.deepEqual([...(await violatedBy('none', 'by the rules', options, []))], [])
    })
  }
})

/** Plays random schedules against a server with a flaw until all the rules have been seen broken, or for long enough. */
async function violatedBy(
  flaw: Flaw,
  client: ClientKind,
  options: ScheduleOptions,
  wanted: Rule[],
): Promise<Set<Rule>> {
  const server = await startBrokenServer(flaw)
  const proxy = await startFaultProxy(() => server.address)
  const found = new Set<Rule>()
  try {
    const { theft = 'none' } = options
    const overlap = theft === 'store' ? 1 : 0
    const places = [{ node: 'node 0', address: proxy.address }]
    for (const schedule of fc.sample(schedules(options), { numRuns: wanted.length > 0 ? 400 : 30, ...seed })) {
      const { history } = await play(schedule, places, server.open(), { client, theft })
      for (const { rule } of checkHistory(history.events, { overlap })) found.add(rule)
      if (wanted.length > 0 && wanted.every((rule) => found.has(rule))) break
    }
  } finally {
    await proxy.close()
    await server.close()
  }
  return found
}
