import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import type { AuthClient } from '../src/index.ts'
import { hasChromium, type Site, startBrowser, startSite } from './support/browser.ts'
import { type FaultProxy, startProxy } from './support/proxy.ts'
import { type RealServer, startServer } from './support/server.ts'
import { eventually } from './support/setup.ts'

declare const window: { client: AuthClient; offset: number; events: string[] }

const refreshPath = '/v1/auth/refresh'
const hour = 3_600_000
const inBrowser = hasChromium ? describe : describe.skip
/** Chromium keeps a Secure cookie of this name without https. */
const local = (address: string) => address.replace('127.0.0.1', 'localhost')

inBrowser('tabs of a real Chromium with the session in a cookie', () => {
  let browser: Browser
  let site: Site
  let server: RealServer
  let proxy: FaultProxy
  let context: BrowserContext
  let users = 0

  beforeAll(async () => {
    site = await startSite()
    server = await startServer({ CORS_ORIGINS: local(site.origin) })
    proxy = await startProxy(server.address)
    browser = await startBrowser()
  })
  beforeEach(async () => {
    context = await browser.newContext()
    proxy.seen.length = 0
  })
  afterEach(async () => {
    proxy.always(null)
    await context.close()
  })
  afterAll(async () => {
    await browser?.close()
    await proxy?.close()
    await server?.stop()
    await site?.close()
  })

  const refreshes = () => proxy.seen.filter(({ path }) => path === refreshPath)
  const keys = () => refreshes().map(({ key }) => key)
  const cookies = async () => (await context.cookies(local(proxy.address))).map(({ name }) => name)

  /** @param broken what this browser lacks */
  async function openTab(broken?: 'locks' | 'indexedDB'): Promise<Page> {
    const page = await context.newPage()
    await page.goto(`${local(site.origin)}/empty`)
    await start(page, broken)
    return page
  }

  const start = (page: Page, broken?: 'locks' | 'indexedDB') =>
    page.evaluate(
      async ([baseUrl, broken]) => {
        if (broken === 'locks') Object.defineProperty(navigator, 'locks', { value: undefined })
        if (broken === 'indexedDB') Object.defineProperty(globalThis, 'indexedDB', { value: undefined })
        const module = '/ntt-auth-client.js'
        const { AuthClient, cookies } = (await import(module)) as typeof import('../src/index.ts')
        window.offset = 0
        window.events = []
        const clock = {
          wall: () => Date.now() + window.offset,
          monotonic: () => performance.now(),
          sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
        }
        const options = { baseUrl: baseUrl!, clock, autoRefresh: false, timeoutMs: 8000 }
        window.client = new AuthClient({ ...options, delivery: cookies() })
        window.client.onChange(({ type }) => void window.events.push(type))
        await window.client.ready()
      },
      [local(proxy.address), broken] as const,
    )
  const register = (page: Page) =>
    page.evaluate(
      (email) => window.client.register({ email, password: 'engine of brass and steam' }),
      `cookie${++users}@example.com`,
    )
  const later = (page: Page, ms: number) =>
    page.evaluate((ms) => {
      window.offset += ms
    }, ms)
  const status = (page: Page) => page.evaluate(() => window.client.state.status)
  const generation = (page: Page) => page.evaluate(() => window.client.state.session!.generation)
  const tokens = (page: Page, count: number) =>
    page.evaluate(async (count) => {
      const outcomes = await Promise.allSettled(Array.from({ length: count }, () => window.client.getAccessToken()))
      return outcomes.map((each) => (each.status === 'fulfilled' ? each.value : `failed: ${each.reason.code}`))
    }, count)
  const failures = (answers: string[]) => answers.filter((each) => each.startsWith('failed'))

  it('nothing that a script can read holds a token', async () => {
    const tab = await openTab()
    await register(tab)
    await tokens(tab, 1)
    expect(await cookies()).toEqual(['__Host-ntt-auth'])
    const readable = await tab.evaluate(async () => {
      const database = await new Promise<IDBDatabase>((resolve) => {
        const request = indexedDB.open('ntt-auth', 1)
        request.onsuccess = () => resolve(request.result)
      })
      const rows = await new Promise<unknown[]>((resolve) => {
        const request = database.transaction('records').objectStore('records').getAll()
        request.onsuccess = () => resolve(request.result)
      })
      return JSON.stringify([rows, { ...localStorage }, { ...sessionStorage }, document.cookie])
    })
    expect(readable).toMatch(/\\"rk\\":\\"[0-9a-f]{32}\\"/)
    expect(readable).not.toMatch(/nttr_|eyJ|__Host/)
  })

  it('six with twenty calls each take turns: one refresh a tab, and all are answered', async () => {
    const tabs = await Promise.all(Array.from({ length: 6 }, () => openTab()))
    await register(tabs[0]!)
    for (const each of tabs) await eventually(async () => (await status(each)) === 'active')
    for (let round = 1; round <= 3; round++) {
      for (const each of tabs) await later(each, hour)
      const answers = (await Promise.all(tabs.map((each) => tokens(each, 20)))).flat()
      expect(answers).toHaveLength(120)
      expect(failures(answers)).toEqual([])
      expect(refreshes()).toHaveLength(6 * round)
    }
    expect(refreshes().map((each) => each.status)).toEqual(Array(18).fill(200))
    expect(new Set(keys()).size).toBe(18)
    expect(await generation(tabs[0]!)).toBeGreaterThan(12)
  })

  it('two at once through a network that loses and delays replies keep the session', async () => {
    const [one, other] = [await openTab(), await openTab()]
    await register(one)
    await eventually(async () => (await status(other)) === 'active')
    for (let round = 0; round < 4; round++) {
      proxy.script(refreshPath, [{ do: 'lose_reply' }, { do: 'delay', ms: 300 }, { do: 'truncate' }])
      await Promise.all([later(one, hour), later(other, hour)])
      const answers = await Promise.all([tokens(one, 3), tokens(other, 3)])
      expect(failures(answers.flat())).toEqual([])
    }
    expect(refreshes().every((each) => each.status === 200)).toBe(true)
    expect(await Promise.all([status(one), status(other)])).toEqual(['active', 'active'])
  })

  it('one that is killed in the middle of a refresh leaves cookie and key to another, which goes on', async () => {
    const [dying, other] = [await openTab(), await openTab()]
    await register(dying)
    await eventually(async () => (await status(other)) === 'active')
    proxy.script(refreshPath, [{ do: 'delay', ms: 3000 }])
    await later(dying, hour)
    await dying.evaluate(() => void window.client.getAccessToken().catch(() => undefined))
    await eventually(() => refreshes().some((each) => each.status === 200))
    await dying.close()
    await later(other, hour)
    expect(failures(await tokens(other, 1))).toEqual([])
    const [first, second] = keys()
    expect(second).toBe(first)
    await later(other, hour)
    expect(failures(await tokens(other, 1))).toEqual([])
    expect(keys()[2]).not.toBe(first)
    // The reply to the one that is gone would have come by now.
    await new Promise((resolve) => setTimeout(resolve, 3000))
    await later(other, hour)
    expect(failures(await tokens(other, 1))).toEqual([])
    expect(await status(other)).toBe('active')
  })

  it('one that navigates away in the middle of a refresh comes back to its session', async () => {
    const tab = await openTab()
    await register(tab)
    for (let round = 0; round < 3; round++) {
      proxy.script(refreshPath, [{ do: 'delay', ms: 200 }])
      await later(tab, hour)
      const sent = refreshes().length
      await tab.evaluate(() => void window.client.getAccessToken().catch(() => undefined))
      await eventually(() => refreshes().length > sent)
      await tab.goto(`${local(site.origin)}/empty`)
      await start(tab)
      expect(failures(await tokens(tab, 2))).toEqual([])
    }
    expect(await status(tab)).toBe('active')
  })

  it('reloading keeps the session, and asks only where there was one', async () => {
    const tab = await openTab()
    expect(failures(await tokens(tab, 1))).toEqual(['failed: no_session'])
    expect(proxy.seen).toEqual([])
    await register(tab)
    await tab.reload()
    await start(tab)
    expect(await status(tab)).toBe('active')
    expect(failures(await tokens(tab, 5))).toEqual([])
    expect(refreshes()).toHaveLength(1)
    expect(await generation(tab)).toBe(1)
  })

  it('a logout in one ends it in the others, and the cookie with it', async () => {
    const [one, other] = [await openTab(), await openTab()]
    await register(one)
    await eventually(async () => (await status(other)) === 'active')
    expect(await other.evaluate(() => window.client.logout())).toEqual({ remote: 'done' })
    await eventually(async () => (await status(one)) === 'logged_out')
    expect(await cookies()).toEqual([])
    await register(one)
    await eventually(async () => (await status(other)) === 'active')
    expect(failures(await tokens(other, 1))).toEqual([])
  })

  it.each(['locks', 'indexedDB'] as const)('without %s they send no key', async (broken) => {
    const tab = await openTab(broken)
    await register(tab)
    for (let round = 0; round < 2; round++) {
      await later(tab, hour)
      expect(failures(await tokens(tab, 3))).toEqual([])
    }
    expect(keys()).toEqual([undefined, undefined])
  })

  it('a new password keeps cookie and key in step', async () => {
    const tab = await openTab()
    await register(tab)
    const change = { current_password: 'engine of brass and steam', new_password: 'a quieter engine of silk' }
    await tab.evaluate((change) => window.client.changePassword(change), change)
    await later(tab, hour)
    expect(failures(await tokens(tab, 1))).toEqual([])
    expect(await generation(tab)).toBe(1)
  })
})
