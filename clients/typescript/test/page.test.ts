import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { systemClock } from '../src/clock.ts'
import { memoryStorage } from '../src/index.ts'
import { watchPage } from '../src/page.ts'
import { code, eventually, listenTo, loggedIn, refreshPath, world } from './support/setup.ts'

const globals = globalThis as Record<string, unknown>
const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const hour = 3_600_000

describe('in a page', () => {
  let page: { hidden: boolean }
  let frame: EventTarget

  beforeEach(() => {
    page = { hidden: false }
    // All that happens to the page comes here, what it dispatches itself as well (HTML, "visibilitychange" bubbles).
    frame = new EventTarget()
    globals.document = page
    globals.window = frame
  })
  afterEach(() => {
    delete globals.document
    delete globals.window
  })

  it('a refresh that failed is tried again at once when the network is back', async () => {
    const { client, server, clock } = await loggedIn()
    await clock.advance(hour)
    server.always({ do: 'lose_request' })
    expect(await code(client.getAccessToken())).toBe('refresh_unavailable')
    server.always(null)
    frame.dispatchEvent(new Event('online'))
    await eventually(() => client.state.status === 'active')
    await client.close()
  })

  it.each(['online', 'pageshow'])('as long as the server said nothing is asked, though %s', async (name) => {
    const { client, server, clock } = await loggedIn()
    await clock.advance(hour)
    server.script(refreshPath, { do: 'refuse', code: 'overloaded', retryAfter: 1200 })
    expect(await client.getAccessToken().catch((error) => error.retryAfter)).toBeGreaterThanOrEqual(1200)
    await clock.advance(1_000_000)
    frame.dispatchEvent(new Event(name))
    await wait(10)
    expect(await code(client.getAccessToken())).toBe('refresh_unavailable')
    expect(server.count(refreshPath)).toBe(1)
    await clock.advance(400_000)
    frame.dispatchEvent(new Event(name))
    await eventually(() => client.state.status === 'active')
    await client.close()
  })

  it('at most five minutes and a little where it is something in between that said so', async () => {
    const { client, server, clock } = await loggedIn()
    await clock.advance(hour)
    server.script(refreshPath, { do: 'status', status: 503, retryAfter: 31_536_000 })
    const told = await client.getAccessToken().catch((error) => error.retryAfter)
    expect([told >= 300, told <= 331]).toEqual([true, true])
    await clock.advance(331_000)
    await client.getAccessToken()
    await client.close()
  })

  it('a tab that is seen again tells nobody anything, and looks whether another one wrote', async () => {
    const storage = memoryStorage()
    const { client, server, connect } = await loggedIn({ storage })
    const seen = listenTo(client)
    frame.dispatchEvent(new Event('visibilitychange'))
    await wait(10)
    expect(seen.types()).toEqual([])
    const other = connect({ storage: { ...storage } })
    await other.refresh()
    frame.dispatchEvent(new Event('pageshow'))
    await eventually(() => seen.types().length > 0)
    expect(seen.types()).toEqual(['token_refreshed'])
    expect(server.count(refreshPath)).toBe(1)
    await Promise.all([client.close(), other.close()])
  })

  it('the token is replaced by a timer while the page is visible and somebody listens', async () => {
    const { client, server } = world({ clock: systemClock }, { clock: systemClock, accessTokenTtl: 1 })
    await client.login({ email: 'ada@example.com', password: 'engine of brass and steam' })
    await wait(1500)
    expect(server.count(refreshPath)).toBe(0)
    page.hidden = true
    const stop = client.onChange(() => undefined)
    await wait(300)
    expect(server.count(refreshPath)).toBe(0)
    page.hidden = false
    frame.dispatchEvent(new Event('visibilitychange'))
    await eventually(() => server.count(refreshPath) >= 2)
    const count = server.count(refreshPath)
    page.hidden = true
    frame.dispatchEvent(new Event('visibilitychange'))
    stop()
    await wait(1200)
    expect(server.count(refreshPath)).toBeLessThanOrEqual(count + 1)
    await client.close()
  })

  it('nothing comes of a client that is closed while it reads its storage', async () => {
    const added: string[] = []
    frame.addEventListener = (name: string) => void added.push(name)
    const records = memoryStorage()
    const slow = { ...records, get: (key: string) => wait(10).then(() => records.get(key)) }
    const { client } = world({ storage: slow })
    const ready = client.ready()
    await client.close()
    await ready
    await wait(20)
    expect(added).toEqual([])
  })

  it('nothing is left behind when the client is closed', async () => {
    const added: string[] = []
    const removed: string[] = []
    const { addEventListener, removeEventListener } = frame
    frame.addEventListener = (name: string, ...rest: [never]) => {
      added.push(name)
      addEventListener.call(frame, name, ...rest)
    }
    frame.removeEventListener = (name: string, ...rest: [never]) => {
      removed.push(name)
      removeEventListener.call(frame, name, ...rest)
    }
    const { client } = await loggedIn()
    await client.close()
    expect(added.sort()).toEqual(['online', 'pageshow', 'visibilitychange'])
    expect(removed.sort()).toEqual(added.sort())
  })
})

describe('outside of a page', () => {
  it.each([
    ['a moment ago', -0.1, 0],
    ['an hour ago', -hour, 0],
    ['in a minute', 60_000, 60_000],
    ['in a year', 365 * 24 * hour, 2e9],
  ])('what is due %s gets a timer that no runtime warns of', (_when, due, expected) => {
    const waits: unknown[] = []
    const { setTimeout } = globalThis
    globals.setTimeout = (_work: () => void, ms: number) => waits.push(ms)
    try {
      const state = { status: 'active', held: { dueAt: 1_000_000 + due } }
      const keeper = { state: () => state, ticks: () => 1_000_000, listeners: new Set([() => undefined]) }
      watchPage(keeper as never, true).plan()
    } finally {
      globals.setTimeout = setTimeout
    }
    expect(waits).toEqual([expected])
  })

  it('no timer runs, and none keeps the process alive', async () => {
    const before = process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length
    const { client } = await loggedIn()
    listenTo(client)
    await client.refresh()
    const after = process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length
    expect(after).toBeLessThanOrEqual(before)
    const { client: eager } = await loggedIn({ autoRefresh: true })
    listenTo(eager)
    await eager.refresh()
    expect(process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length).toBeLessThanOrEqual(before)
    await eager.close()
  })
})
