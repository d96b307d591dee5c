import { describe, expect, it } from '@jest/globals'
import type { Page } from 'playwright-core'
import type { AuthClient } from '../src/index.ts'
import { hasChromium } from './support/browser.ts'
import { eventually } from './support/setup.ts'
import { failures, hour, refreshPath, useTabs } from './support/tabs.ts'

declare const window: { client: AuthClient; events: string[] }

const inBrowser = hasChromium ? describe : describe.skip

inBrowser('tabs of a real Chromium', () => {
  const { proxy, context, openTab, refreshes, register, later, status, tokens, tryExample } = useTabs('body')

  async function sixTabs(lock: 'auto' | 'none'): Promise<Page[]> {
    const tabs = await Promise.all(Array.from({ length: 6 }, () => openTab({ lock })))
    await register(tabs[0]!)
    for (const each of tabs) await eventually(async () => (await status(each)) === 'active')
    for (const each of tabs) await later(each, hour)
    return tabs
  }

  it('six with twenty calls each and an expired token send one refresh, and all are answered', async () => {
    const tabs = await sixTabs('auto')
    const answers = (await Promise.all(tabs.map((each) => tokens(each, 20)))).flat()
    expect(answers).toHaveLength(120)
    expect(failures(answers)).toEqual([])
    expect(new Set(answers).size).toBe(1)
    expect(refreshes()).toHaveLength(1)
  })

  it('without locks they send more, are all answered all the same, and keep the session', async () => {
    const tabs = await sixTabs('none')
    for (let round = 0; round < 3; round++) {
      const answers = (await Promise.all(tabs.map((each) => tokens(each, 20)))).flat()
      expect(failures(answers)).toEqual([])
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
    proxy().script(refreshPath, [{ do: 'delay', ms: 60_000 }])
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

  it('hear from a server of another origin that a token is no longer good', async () => {
    const tab = await openTab()
    await register(tab)
    const api = `${proxy().address}/v1/users/me`
    const ask = () => tab.evaluate(async (api) => (await window.client.fetch(api)).status, api)
    expect(await ask()).toBe(200)
    const token = await tab.evaluate(() => window.client.getAccessToken())
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    await fetch(`${proxy().address}/v1/auth/logout`, { method: 'POST', headers, body: '{}' })
    expect(await ask()).toBe(401)
    await eventually(async () => (await status(tab)) === 'logged_out')
  })

  it('offline keeps the session, and the network that comes back is noticed', async () => {
    const tab = await openTab({ timeoutMs: 2000 })
    await register(tab)
    await later(tab, hour)
    await context().setOffline(true)
    expect(await tokens(tab, 2)).toEqual(['failed: refresh_unavailable', 'failed: refresh_unavailable'])
    expect(await status(tab)).toBe('refresh_failed')
    await context().setOffline(false)
    await eventually(async () => (await status(tab)) === 'active')
  })

  it('reloading finds the session, and nothing of it in localStorage or in cookies', async () => {
    const tab = await openTab()
    await register(tab)
    await tab.close()
    const again = await openTab()
    expect(await status(again)).toBe('active')
    expect(await again.evaluate(() => localStorage.length + document.cookie.length)).toBe(0)
    expect(await context().cookies()).toEqual([])
  })

  it('the example page can be clicked through', async () => {
    const page = await tryExample()
    expect(await page.isChecked('#cookie')).toBe(false)
    expect(await context().cookies()).toEqual([])
  })
})
