import { afterAll, afterEach, beforeAll, beforeEach, expect } from '@jest/globals'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import type { AuthClient } from '../../src/index.ts'
import { type Site, startBrowser, startSite } from './browser.ts'
import { type FaultProxy, startProxy } from './proxy.ts'
import { type RealServer, startServer } from './server.ts'

declare const window: { client: AuthClient; offset: number; events: string[] }

export const refreshPath = '/v1/auth/refresh'
export const hour = 3_600_000
const password = 'engine of brass and steam'

export type TabOptions = {
  lock?: 'auto' | 'none'
  timeoutMs?: number
  /** What this browser lacks. */
  broken?: 'locks' | 'indexedDB' | undefined
}

/**
 * Tabs of one browser, which is new for each test, with the real server behind a network that fails on demand.
 * @param delivery `cookie`: everything is at `localhost`, where Chromium keeps a Secure cookie without https
 */
export function useTabs(delivery: 'body' | 'cookie') {
  const at = (address: string) => (delivery === 'cookie' ? address.replace('127.0.0.1', 'localhost') : address)
  let browser: Browser
  let site: Site
  let server: RealServer
  let proxy: FaultProxy
  let context: BrowserContext
  let users = 0

  beforeAll(async () => {
    site = await startSite()
    server = await startServer({ CORS_ORIGINS: at(site.origin) })
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

  async function open(path: string): Promise<Page> {
    const page = await context.newPage()
    await page.goto(at(site.origin) + path)
    return page
  }

  /** A client in an empty page, whose clock the test can put forward. */
  function start(page: Page, { lock = 'auto', timeoutMs = 8000, broken }: TabOptions = {}): Promise<void> {
    return page.evaluate(
      async ([baseUrl, delivery, lock, timeoutMs, broken]) => {
        if (broken === 'locks') Object.defineProperty(navigator, 'locks', { value: undefined })
        if (broken === 'indexedDB') Object.defineProperty(globalThis, 'indexedDB', { value: undefined })
        const module = '/ntt-auth-client.js'
        const { AuthClient, cookies } = (await import(module)) as typeof import('../../src/index.ts') &
          typeof import('../../src/storage/cookies.ts')
        window.offset = 0
        window.events = []
        const clock = {
          wall: () => Date.now() + window.offset,
          monotonic: () => performance.now(),
          sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
        }
        const options = { baseUrl, lock, clock, autoRefresh: false, timeoutMs }
        window.client = new AuthClient({ ...options, ...(delivery === 'cookie' && { delivery: cookies() }) })
        window.client.onChange(({ type }) => void window.events.push(type))
        await window.client.ready()
      },
      [at(proxy.address), delivery, lock, timeoutMs, broken] as const,
    )
  }

  return {
    proxy: () => proxy,
    context: () => context,
    open,
    start,
    async openTab(options?: TabOptions): Promise<Page> {
      const page = await open('/empty')
      await start(page, options)
      return page
    },
    refreshes: () => proxy.seen.filter(({ path }) => path === refreshPath),
    cookies: async () => (await context.cookies(at(proxy.address))).map(({ name }) => name),
    register: (page: Page) =>
      page.evaluate(([email, password]) => window.client.register({ email, password }), [
        `${delivery}${++users}@example.com`,
        password,
      ] as const),
    later: (page: Page, ms: number) =>
      page.evaluate((ms) => {
        window.offset += ms
      }, ms),
    status: (page: Page) => page.evaluate(() => window.client.state.status),
    generation: (page: Page) => page.evaluate(() => window.client.state.session!.generation),
    /** What so many callers at once get. */
    tokens: (page: Page, count: number) =>
      page.evaluate(async (count) => {
        const outcomes = await Promise.allSettled(Array.from({ length: count }, () => window.client.getAccessToken()))
        return outcomes.map((each) => (each.status === 'fulfilled' ? each.value : `failed: ${each.reason.code}`))
      }, count),

    /** Clicks through the example page. */
    async tryExample(): Promise<Page> {
      const page = await open(`/?server=${encodeURIComponent(at(proxy.address))}`)
      const problems: string[] = []
      page.on('pageerror', (error) => void problems.push(String(error)))
      if (delivery === 'cookie') {
        await page.check('#cookie')
        await page.waitForURL(/delivery=cookie/)
      }
      await page.fill('#email', 'example@example.com')
      await page.fill('#password', password)
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
      return page
    },
  }
}

export const failures = (answers: string[]) => answers.filter((each) => each.startsWith('failed'))
