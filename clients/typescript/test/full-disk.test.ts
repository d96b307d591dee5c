import { describe, expect, it } from '@jest/globals'
import { memoryStorage, type SessionStorage } from '../src/index.ts'
import { ada, code, loggedIn, refreshKeys, refreshPath, world } from './support/setup.ts'

const hour = 3_600_000

/** Memory that tabs or processes share; nothing can be written while it is `full`. */
function shared() {
  const records = memoryStorage()
  const disk = { full: false, gone: false }
  const open = (): SessionStorage => ({
    ...records,
    get(key) {
      if (disk.gone) throw new Error('Nothing at all.')
      return records.get(key)
    },
    advance(key, record, gen) {
      if (disk.full) throw new DOMException('Nothing is left.', 'QuotaExceededError')
      return records.advance(key, record, gen)
    },
  })
  return { records, disk, open }
}

/** Ada's tabs, on a disk that was written to until now. */
async function tabsOf(count: number) {
  const { records, disk, open } = shared()
  const setup = await loggedIn({ storage: open(), storageKey: 'key' })
  const tabs = [setup.client]
  while (tabs.length < count) tabs.push(setup.connect({ storage: open() }))
  for (const tab of tabs) await tab.ready()
  disk.full = true
  const session = () => setup.server.session(tabs[0]!.state.session!.id)
  return { ...setup, tabs, records, disk, session, open: () => setup.connect({ storage: open() }) }
}

describe('a disk that is full', () => {
  it.each([2, 3])('ends no session that %i tabs share, however long it lasts', async (count) => {
    const { tabs, clock, server, session, disk, open } = await tabsOf(count)
    const seen = new Set<string>()
    for (let round = 0; round < 5; round++) {
      await clock.advance(hour)
      for (const tab of tabs) seen.add(await tab.getAccessToken())
    }
    expect(seen.size).toBe(5 * count)
    expect(session()).toMatchObject({ generation: 1, ended: null })
    // They send what is stored, with its key, and never what only one of them knows.
    expect(new Set(refreshKeys(server)).size).toBe(1)
    disk.full = false
    for (let round = 0; round < 3; round++) {
      for (const tab of [...tabs, open()]) {
        await clock.advance(hour)
        expect(await code(tab.getAccessToken())).toBe('fine')
      }
    }
    expect(session()!.ended).toBeNull()
    expect(session()!.generation).toBeGreaterThan(6)
  })

  it('lets a tab sleep while another one is used, until both can write', async () => {
    const { tabs, clock, session, disk } = await tabsOf(2)
    for (let round = 0; round < 5; round++) {
      await clock.advance(hour)
      expect(await code(tabs[0]!.getAccessToken())).toBe('fine')
    }
    expect(await code(tabs[1]!.refresh())).toBe('fine')
    disk.full = false
    expect(await code(tabs[1]!.refresh())).toBe('fine')
    expect(await code(tabs[1]!.refresh())).toBe('fine')
    expect(await code(tabs[0]!.refresh())).toBe('fine')
    expect(await code(tabs[1]!.refresh())).toBe('fine')
    expect(session()!.ended).toBeNull()
  })

  it('is survived beside a process that can write', async () => {
    const { tabs, clock, session, records, connect } = await tabsOf(2)
    const lucky = connect({ storage: { ...records } })
    for (let round = 0; round < 4; round++) {
      for (const tab of [...tabs, lucky, lucky]) {
        await clock.advance(hour)
        expect(await code(tab.getAccessToken())).toBe('fine')
      }
    }
    expect(session()!.ended).toBeNull()
  })

  it('is survived by those who cannot read it any more either', async () => {
    const { tabs, clock, session, disk } = await tabsOf(2)
    disk.gone = true
    for (let round = 0; round < 3; round++) {
      await clock.advance(hour)
      for (const tab of tabs) expect(await code(tab.getAccessToken())).toBe('fine')
    }
    disk.gone = false
    expect(await code(tabs[0]!.refresh())).toBe('fine')
    expect(session()!.ended).toBeNull()
  })

  it('keeps no new password from being set, and the other tab stays logged in', async () => {
    const { tabs, clock, session } = await tabsOf(2)
    await tabs[0]!.refresh()
    const input = { current_password: ada.password, new_password: 'a loom of wool and wire' }
    expect(await code(tabs[0]!.changePassword(input))).toBe('fine')
    for (let round = 0; round < 3; round++) {
      await clock.advance(hour)
      for (const tab of tabs) expect(await code(tab.getAccessToken())).toBe('fine')
    }
    expect(session()!.ended).toBeNull()
  })

  it('lets a login that was never written down go on by itself, and slide', async () => {
    const { open, disk } = shared()
    disk.full = true
    const { client, server, clock } = world({ storage: open() })
    await client.login(ada)
    for (let round = 0; round < 3; round++) {
      await clock.advance(hour)
      await client.getAccessToken()
    }
    expect(server.count(refreshPath)).toBe(3)
    expect(server.session(client.state.session!.id)).toMatchObject({ generation: 3, ended: null })
  })
})
