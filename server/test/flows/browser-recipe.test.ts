import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { goodPassword, registerSomebody } from '../support/server.ts'
import { describeQuickFlow, validate } from './flow-server.ts'

/** What `docs/browsers.md` hands to those who write their own client, run as two tabs of one browser would run it. */
const [, recipe] = /^```js cookie-session\n([\s\S]*?)^```$/m.exec(
  readFileSync(new URL('../../../docs/browsers.md', import.meta.url), 'utf8'),
)!

type Tab = {
  login(email: string, password: string): Promise<{ session_id: string; access_token: string }>
  refresh(): Promise<{ access_token?: string; session_id?: string; code?: string }>
}

describeQuickFlow(
  'a page without our client',
  (flow) => {
    /** What the tabs of an origin share: the cookie, the database and the locks. */
    function browser(lose: () => boolean = () => false) {
      let cookie = ''
      const keys = new Map<string, unknown>()
      const used: (string | undefined)[] = []
      const send = async (url: string, init: RequestInit & { headers: Record<string, string> }) => {
        const headers = { ...init.headers, origin: 'https://app.example.com', ...(cookie && { cookie }) }
        if (url.endsWith('/refresh')) used.push(init.headers['Refresh-Key'])
        const answer = await fetch(url.replace('https://auth.example.com', flow.server.address), { ...init, headers })
        const [set] = answer.headers.getSetCookie()
        // Lost on the way: neither the cookie nor the answer arrives.
        if (lose()) throw new TypeError('network error')
        if (set) cookie = set.split(';')[0]!
        return answer
      }
      const open = () => {
        const opening: Record<string, unknown> = {}
        setImmediate(() => {
          opening.result = { transaction }
          ;(opening.onsuccess as () => void)()
        })
        return opening
      }
      const transaction = () => {
        const one: Record<string, unknown> = {
          objectStore: () => ({
            get: (name: string) => ({ result: keys.get(name) }),
            put: (value: unknown, name: string) => ({ result: keys.set(name, value) }),
          }),
        }
        setImmediate(() => (one.oncomplete as () => void)())
        return one
      }
      const makeTab = (source = recipe!): Tab =>
        new Function('fetch', 'indexedDB', `${source.replaceAll('export ', '')}\nreturn { login, refresh }`)(send, {
          open,
        })
      return { makeTab, used }
    }

    async function inTwoTabs(lose?: () => boolean, source?: string) {
      const { email } = await registerSomebody(flow.server)
      const { makeTab, used } = browser(lose)
      const [one, other] = [makeTab(source), makeTab(source)] as const
      const { session_id } = await one.login(email, goodPassword)
      return { one, other, used, session_id }
    }

    it('stays logged in though its tabs refresh at once, and each time by a key that both know', async () => {
      const { one, other, used, session_id } = await inTwoTabs()
      for (let round = 0; round < 3; round++) {
        const answers = await Promise.all([one.refresh(), other.refresh(), other.refresh()])
        for (const { session_id: id, access_token } of answers) {
          assert.equal(id, session_id)
          assert.equal((await validate(flow.server, access_token!)).status, 200)
        }
      }
      assert.equal(new Set(used).size, 9)
      for (const key of used) assert.match(key!, /^[A-Za-z0-9_-]{16,128}$/)
    })

    it('stays logged in though answers are lost, whichever tab asks again', async () => {
      let sent = 0
      const { one, other, used, session_id } = await inTwoTabs(() => ++sent % 3 === 0)
      for (let round = 0; round < 6; round++) {
        for (const tab of [one, other]) await tab.refresh().catch(() => null)
      }
      const answer = await one.refresh().catch(() => other.refresh())
      assert.equal(answer.session_id, session_id)
      assert.ok(new Set(used).size < used.length, 'a retry has the key of what was lost')
    })

    it('would be logged out with a key for each tab', async () => {
      const own = recipe!
        .replace(/const key = await .*/, 'const key = mine')
        .replace(/^/, 'const mine = crypto.randomUUID()\n')
      const unshared = own.replace(
        "const inTurn = (work) => navigator.locks.request('ntt-auth', work)",
        'const inTurn = (work) => work()',
      )
      assert.notEqual(unshared, own)
      const { one, other } = await inTwoTabs(undefined, unshared)
      const answers = await Promise.all([one.refresh(), other.refresh()])
      assert.ok(answers.some(({ code }) => code === 'session_ended'))
    })
  },
  { settings: { CORS_ORIGINS: 'https://app.example.com' } },
)
