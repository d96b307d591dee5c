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

inBrowser('tabs of a real Chromium', () => {
  let browser: Browser
  let site: Site
  let server: RealServer
  let proxy: FaultProxy
  let context: BrowserContext
  let users = 0

  beforeAll(async () => {
    site = await startSite()
    server = await startServer({ CORS_ORIGINS: site.origin })
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

  /** A tab with a client whose clock the test can put forward. */
  async function openTab(lock: 'auto' | 'none' = 'auto'): Promise<Page> {
    const page = await context.newPage()
    await page.goto(`${site.origin}/empty`)
    await page.evaluate(
      async ([baseUrl, lock]) => {
        const module = '/ntt-auth-client.js'
        const { AuthClient } = (await import(module)) as typeof import('../src/index.ts')
        window.offset = 0
        window.events = []
        const clock = {
          wall: () => Date.now() + window.offset,
          monotonic: () => performance.now(),
          sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
        }
        window.client = new AuthClient({ baseUrl, lock, clock, autoRefresh: false, timeoutMs: 6000 })
        window.client.onChange(({ type }) => void window.events.push(type))
        await window.client.ready()
      },
      [proxy.address, lock] as const,
    )
    return page
  }

  const register = (page: Page) =>
    page.evaluate(
      (email) => window.client.register({ email, password: 'engine of brass and steam' }),
      `tab${++users}@example.com`,
    )
  const later = (page: Page, ms: number) =>
    page.evaluate((ms) => {
      window.offset += ms
    }, ms)
  const status = (page: Page) => page.evaluate(() => window.client.state.status)
  const tokens = (page: Page, count: number) =>
    page.evaluate(async (count) => {
      const outcomes = await Promise.allSettled(Array.from({ length: count }, () => window.client.getAccessToken()))
      return outcomes.map((each) => (each.status === 'fulfilled' ? each.value : `failed: ${each.reason.code}`))
    }, count)

  async function sixTabs(lock: 'auto' | 'none'): Promise<Page[]> {
    const tabs = await Promise.all(Array.from({ length: 6 }, () => openTab(lock)))
    await register(tabs[0]!)
    for (const each of tabs) await eventually(async () => (await status(each)) === 'active')
    for (const each of tabs) await later(each, hour)
    return tabs
  }

  it('six with twenty calls each and an expired token send one refresh, and all are answered', async () => {
    const tabs = await sixTabs('auto')
    const answers = (await Promise.all(tabs.map((each) => tokens(each, 20)))).flat()
    expect(answers).toHaveLength(120)
    expect(answers.filter((each) => each.startsWith('failed'))).toEqual([])
    expect(new Set(answers).size).toBe(1)
    expect(refreshes()).toHaveLength(1)
  })

  it('without locks they send more, are all answered all the same, and keep the session', async () => {
    const tabs = await sixTabs('none')
    for (let round = 0; round < 3; round++) {
      const answers = (await Promise.all(tabs.map((each) => tokens(each, 20)))).flat()
      expect(answers.filter((each) => each.startsWith('failed'))).toEqual([])
      for (const each of tabs) await later(each, hour)
    }
    expect(refreshes().length).toBeLessThanOrEqual(18)
    expect(new Set(refreshes().map((each) => each.status))).toEqual(new Set([200]))
    expect(await Promise.all(tabs.map(status))).toEqual(Array(6).fill('active'))
  })

  it('one that is closed in the middle of a refresh leaves it to another, with the same key', async () => {
    const [dying, other] = [await openTab(), await openTab()]
    await register(dying)
    await eventually(async () => (await status(other)) === 'active')
    proxy.script(refreshPath, [{ do: 'delay', ms: 60_000 }])
    await later(dying, hour)
    await dying.evaluate(() => void window.client.getAccessToken().catch(() => undefined))
    await eventually(() => refreshes().some((each) => each.status === 200))
    await dying.close()
    await later(other, hour)
    const [token] = await tokens(other, 1)
    expect(token).not.toMatch(/^failed/)
    expect(new Set(refreshes().map(({ key }) => key)).size).toBe(1)
    expect(await other.evaluate(() => window.client.state.session!.generation)).toBe(1)
  })

  it('a logout and a login in one are seen in the others', async () => {
    const [one, other] = [await openTab(), await openTab()]
    await register(one)
    await eventually(async () => (await status(other)) === 'active')
    await one.evaluate(() => window.client.logout())
    await eventually(async () => (await status(other)) === 'logged_out')
    await register(one)
    await eventually(async () => (await status(other)) === 'active')
    expect(await other.evaluate(() => window.events)).toEqual(['initial', 'logged_in', 'logged_out', 'logged_in'])
  })

  it('offline keeps the session, and the network that comes back is noticed', async () => {
    const tab = await openTab()
    await register(tab)
    await later(tab, hour)
    await context.setOffline(true)
    expect(await tokens(tab, 2)).toEqual(['failed: refresh_unavailable', 'failed: refresh_unavailable'])
    expect(await status(tab)).toBe('refresh_failed')
    await context.setOffline(false)
    await eventually(async () => (await status(tab)) === 'active')
  })

  it('reloading finds the session, and nothing of it in localStorage or in cookies', async () => {
    const tab = await openTab()
    await register(tab)
    await tab.close()
    const again = await openTab()
    expect(await status(again)).toBe('active')
    expect(await again.evaluate(() => localStorage.length + document.cookie.length)).toBe(0)
    expect(await context.cookies()).toEqual([])
  })

  it('the example page can be clicked through', async () => {
    const page = await context.newPage()
    const problems: string[] = []
    page.on('pageerror', (error) => void problems.push(String(error)))
    await page.goto(`${site.origin}/?server=${encodeURIComponent(proxy.address)}`)
    await page.fill('#email', 'example@example.com')
    await page.fill('#password', 'engine of brass and steam')
    await page.click('#register')
    await page.waitForSelector('text=Logged in as example@example.com')
    await page.click('#refresh')
    await page.waitForSelector('text=generation 1')
    if (process.env.NTT_AUTH_TEST_SCREENSHOT) await page.screenshot({ path: process.env.NTT_AUTH_TEST_SCREENSHOT })
    await page.click('#logout')
    await page.waitForSelector('text=Nobody is logged in')
    await page.click('#login')
    await page.waitForSelector('text=Logged in as example@example.com')
    expect(problems).toEqual([])
  })
})
