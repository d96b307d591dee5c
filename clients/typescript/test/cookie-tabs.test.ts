import { describe, expect, it } from '@jest/globals'
import type { AuthClient } from '../src/index.ts'
import { hasChromium } from './support/browser.ts'
import { eventually } from './support/setup.ts'
import { failures, hour, refreshPath, useTabs } from './support/tabs.ts'

declare const window: { client: AuthClient }

const inBrowser = hasChromium ? describe : describe.skip

inBrowser('tabs of a real Chromium with the session in a cookie', () => {
  const { proxy, openTab, start, refreshes, cookies, register, later, status, generation, tokens, tryExample } =
    useTabs('cookie')
  const keys = () => refreshes().map(({ key }) => key)

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
    expect(readable).toMatch(/\\"rk\\":\\"\d{1,3}(-\d{1,3}){15}\\"/)
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
      proxy().script(refreshPath, [{ do: 'lose_reply' }, { do: 'delay', ms: 300 }, { do: 'truncate' }])
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
    proxy().script(refreshPath, [{ do: 'delay', ms: 3000 }])
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
      proxy().script(refreshPath, [{ do: 'delay', ms: 200 }])
      await later(tab, hour)
      const sent = refreshes().length
      await tab.evaluate(() => void window.client.getAccessToken().catch(() => undefined))
      await eventually(() => refreshes().length > sent)
      await tab.goto(tab.url())
      await start(tab)
      expect(failures(await tokens(tab, 2))).toEqual([])
    }
    expect(await status(tab)).toBe('active')
  })

  it('reloading keeps the session, and asks only where there was one', async () => {
    const tab = await openTab()
    expect(failures(await tokens(tab, 1))).toEqual(['failed: no_session'])
    expect(proxy().seen).toEqual([])
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
    const tab = await openTab({ broken })
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

  it('the example page can be clicked through, and reloaded', async () => {
    const page = await tryExample()
    expect(await cookies()).toEqual(['__Host-ntt-auth'])
    await page.reload()
    await page.waitForSelector('text=Logged in as example@example.com')
    expect(await page.isChecked('#cookie')).toBe(true)
  })
})
