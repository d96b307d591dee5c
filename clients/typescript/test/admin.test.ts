import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { build } from 'esbuild'
import { type Admin, createAdmin } from '../src/admin/index.ts'
import { AuthClient } from '../src/index.ts'
import { type RealServer, startServer } from './support/server.ts'
import { ada, code } from './support/setup.ts'

const globals = globalThis as Record<string, unknown>
const contract = JSON.parse(readFileSync(new URL('../../../contract/openapi.json', import.meta.url), 'utf8'))
const password = 'engine of brass and steam'

/** What an administrator's program sends. */
function recorder(answer: (path: string) => Response = () => Response.json({ items: [], next_cursor: null })) {
  const seen: { method: string; path: string; headers: Headers; body: unknown }[] = []
  const record: typeof fetch = async (input, init) => {
    const { method, url, headers } = new Request(input, init)
    const { pathname, search } = new URL(url)
    seen.push({ method, path: pathname + search, headers, body: init?.body && JSON.parse(String(init.body)) })
    return answer(pathname + search)
  }
  return { seen, fetch: record }
}

async function allOf<Item>(list: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = []
  for await (const each of list) items.push(each)
  return items
}

const everything: ((admin: Admin) => unknown)[] = [
  ({ users }) => users.list().page(),
  ({ users }) => users.create({ email: ada.email }),
  ({ users }) => users.get('1'),
  ({ users }) => users.update('1', { roles: [] }),
  ({ users }) => users.delete('1'),
  ({ users }) => users.disable('1'),
  ({ users }) => users.enable('1'),
  ({ users }) => users.unlock('1'),
  ({ users }) => users.logout('1'),
  ({ users }) => users.resetPassword('1'),
  ({ users }) => users.sessions('1').page(),
  ({ users }) => users.endSession('1', '2'),
  ({ services }) => services.list().page(),
  ({ services }) => services.create({ name: 'notes', scopes: [] }),
  ({ services }) => services.get('1'),
  ({ services }) => services.update('1', { name: 'notes' }),
  ({ services }) => services.delete('1'),
  ({ services }) => services.addSecret('1'),
  ({ services }) => services.deleteSecret('1', '2'),
  ({ keys }) => keys.list(),
  ({ keys }) => keys.rotate({ now: true }),
  ({ audit }) => audit().page(),
  ({ stats }) => stats(),
]

describe('the administration', () => {
  it('reaches every route of the contract, and no other', async () => {
    const { seen, fetch } = recorder()
    const admin = createAdmin({ baseUrl: 'https://auth.test', as: { accessToken: 'token' }, fetch })
    for (const each of everything) await each(admin)
    const sent = seen.map(({ method, path }) => `${method} ${path}`)
    const promised = Object.entries<object>(contract.paths)
      .filter(([path]) => path.startsWith('/v1/admin/'))
      .flatMap(([path, operations]) => Object.keys(operations).map((method) => [method.toUpperCase(), path] as const))
      .map(([method, path]) => `${method} ${path.replace('{id}', '1').replace(/\{\w+\}/, '2')}`)
    expect(sent.sort()).toEqual(promised.sort())
  })

  it('walks a list to its end, page by page and only as far as it is read', async () => {
    const pages: Record<string, unknown> = {
      '': { items: [1, 2], next_cursor: 'a' },
      a: { items: [3], next_cursor: 'b' },
      b: { items: [], next_cursor: null },
    }
    const { seen, fetch } = recorder((path) =>
      Response.json(pages[new URLSearchParams(path.split('?')[1]).get('cursor') ?? '']),
    )
    const admin = createAdmin({ baseUrl: 'https://auth.test', as: { accessToken: 'token' }, fetch })
    const list = admin.users.list({ q: 'a & b', limit: 2 })
    expect(await allOf(list)).toEqual([1, 2, 3])
    expect(seen.map(({ path }) => path)).toEqual(
      ['', '&cursor=a', '&cursor=b'].map((rest) => `/v1/admin/users?q=a+%26+b&limit=2${rest}`),
    )
    for await (const _first of list) break
    expect(seen).toHaveLength(4)
    expect(await list.page('a')).toEqual({ items: [3], nextCursor: 'b' })
  })

  it('asks again where an answer got lost, and creates nothing twice', async () => {
    let failures = 1
    const { seen, fetch } = recorder()
    const flaky: typeof globalThis.fetch = async (input, init) => {
      const answer = await fetch(input, init)
      if (failures-- > 0) throw new TypeError('fetch failed')
      return seen.length === 2 ? notFound() : answer
    }
    const notFound = () =>
      Response.json(
        { code: 'not_found', status: 404, detail: '' },
        {
          status: 404,
          headers: { 'content-type': 'application/problem+json' },
        },
      )
    const admin = createAdmin({ baseUrl: 'https://auth.test', as: { accessToken: 'token' }, fetch: flaky })
    expect(await code(admin.users.delete('1'))).toBe('fine')
    expect(seen).toHaveLength(2)
    failures = 1
    expect(await code(admin.users.create({ email: ada.email }))).toBe('network_unreachable')
    expect(seen).toHaveLength(3)
  })

  it('takes for an id nothing that would name something else', async () => {
    const { seen, fetch } = recorder()
    const admin = createAdmin({ baseUrl: 'https://auth.test', as: { accessToken: 'token' }, fetch })
    for (const id of ['..', '.', '', undefined, 7, null] as string[]) {
      for (const call of [
        () => admin.users.get(id),
        () => admin.users.delete(id),
        () => admin.users.endSession('1', id),
        () => admin.users.endSession(id, '1'),
        () => admin.users.sessions(id).page(),
        () => admin.services.deleteSecret('1', id),
      ]) {
        expect(await code((async () => call())())).toBe('config_invalid')
      }
    }
    expect(seen).toEqual([])
    await admin.users.get('../x')
    expect(seen[0]!.path).toBe('/v1/admin/users/..%2Fx')
  })

  it('does not take another refusal for a deletion whose answer got lost', async () => {
    let tries = 0
    const fetch = async () => {
      if (++tries === 1) throw new TypeError('fetch failed')
      const headers = { 'content-type': 'application/problem+json' }
      return Response.json({ code: 'forbidden', status: 403, detail: '' }, { status: 403, headers })
    }
    const admin = createAdmin({ baseUrl: 'https://auth.test', as: { accessToken: 'token' }, fetch })
    expect(await code(admin.users.delete('1'))).toBe('forbidden')
    expect(tries).toBe(2)
  })

  it('asks for another token, and not for the same one again, when one is refused', async () => {
    const asked: unknown[] = []
    const sent: (string | null)[] = []
    const as = {
      async getAccessToken(options?: { forceRefresh?: boolean }) {
        asked.push(options)
        return options?.forceRefresh ? 'new' : 'old'
      },
    }
    const fetch: typeof globalThis.fetch = async (_input, init) => {
      sent.push(new Headers(init!.headers).get('authorization'))
      const headers = { 'content-type': 'application/problem+json' }
      if (sent.length > 1) return Response.json({})
      return Response.json({ code: 'invalid_token', status: 401, detail: '' }, { status: 401, headers })
    }
    await createAdmin({ baseUrl: 'https://auth.test', as, fetch }).stats()
    expect(asked).toEqual([undefined, { forceRefresh: true }])
    expect(sent).toEqual(['Bearer old', 'Bearer new'])
  })

  it('does not do as somebody else what was asked before they logged in', async () => {
    const tokenOf = (sub: string) => `h.${btoa(JSON.stringify({ sub })).replace(/=+$/, '')}.s`
    const sent: (string | null)[] = []
    const fetch: typeof globalThis.fetch = async (_input, init) => {
      sent.push(new Headers(init!.headers).get('authorization'))
      const headers = { 'content-type': 'application/problem+json' }
      return Response.json({ code: 'invalid_token', status: 401, detail: '' }, { status: 401, headers })
    }
    for (const [next, tries] of [
      ['ada', 2],
      ['bob', 1],
    ] as const) {
      sent.length = 0
      const as = { getAccessToken: async (wish?: object) => tokenOf(wish ? next : 'ada') }
      const admin = createAdmin({ baseUrl: 'https://auth.test', as, fetch })
      expect(await code(admin.users.disable('1'))).toBe('invalid_token')
      expect(sent).toHaveLength(tries)
    }
  })

  it('sends a credential so that a colon or a percent sign in it is no other one', async () => {
    const sent: (string | null)[] = []
    const fetch: typeof globalThis.fetch = async (input, init) => {
      sent.push(new Headers(init!.headers).get('authorization'), String(input))
      return Response.json({ items: [], next_cursor: null })
    }
    const as = { clientId: 'a:b', clientSecret: '100% ö' }
    await createAdmin({ baseUrl: 'https://auth.test', as, fetch })
      .users.list({ q: '', limit: undefined } as never)
      .page()
    expect(sent[0]).toBe(`Basic ${btoa('a%3Ab:100%25%20%C3%B6')}`)
    // What is empty was said all the same; what is undefined was not.
    expect(sent[1]).toBe('https://auth.test/v1/admin/users?q=')
  })

  it('says that there is nothing to delete, unless it was itself that deleted it', async () => {
    const problem = { code: 'not_found', status: 404, detail: '' }
    const headers = { 'content-type': 'application/problem+json' }
    const { seen, fetch } = recorder(() => Response.json(problem, { status: 404, headers }))
    const admin = createAdmin({ baseUrl: 'https://auth.test', as: { accessToken: 'token' }, fetch })
    expect(await code(admin.users.delete('1'))).toBe('not_found')
    expect(seen).toHaveLength(1)
  })

  it.each([
    [{ timeout: 5 }, /createAdmin has no option "timeout"; there are: as, baseUrl, timeoutMs, /],
    [{ timeoutMs: '5' }, /"timeoutMs" must .* It is another text\./],
    [{ retry: false }, /"retry" must be an object. It is false\./],
    [{ fetch: [] }, /"fetch" must be a function. It is a list\./],
    [{ clock: () => 0 }, /"clock" must be an object with .* It is a function\./],
  ])('takes no option that it does not understand: %j', (wrong, message) => {
    const as = { accessToken: 'token' }
    expect(() => createAdmin({ baseUrl: 'https://auth.test', as, ...wrong } as never)).toThrow(message)
  })

  it('says who may ask', () => {
    expect(() => createAdmin(undefined as never)).toThrow(/object of options/)
    for (const as of [undefined, null, 'x', { clientId: 'a' }, { clientSecret: 'x' }, { accessToken: '' }]) {
      expect(() => createAdmin({ baseUrl: 'https://auth.test', as: as as never })).toThrow(/"as" says who asks/)
    }
    expect(() => createAdmin({ baseUrl: 'https://auth.test', as: { getAccessToken: 5 } as never })).toThrow(/"as" says/)
    expect(() => createAdmin({ baseUrl: 'https://auth.test', as: {} as never })).toThrow(/"as" says who asks/)
    expect(() => createAdmin({ baseUrl: 'http://auth.test', as: { accessToken: 'token' } })).toThrow(/https only/)
  })
})

describe('in a browser the administration', () => {
  afterEach(() => {
    delete globals.document
  })

  it('refuses to work', () => {
    globals.document = {}
    expect(() => createAdmin({ baseUrl: 'https://auth.test', as: { accessToken: 'token' } })).toThrow(/for servers/)
  })

  it('is not in what a bundler makes, and what is there in its place says why', async () => {
    const { outputFiles } = await build({
      stdin: { contents: `export * from 'ntt-auth-client/admin'`, resolveDir: new URL('..', import.meta.url).pathname },
      bundle: true,
      minify: true,
      platform: 'browser',
      format: 'esm',
      write: false,
    })
    const text = outputFiles[0]!.text
    expect(text).not.toContain('/v1/admin')
    expect(text.length).toBeLessThan(1500)
    const { createAdmin } = await import(`data:text/javascript,${encodeURIComponent(text)}`)
    expect(() => createAdmin()).toThrow(/for servers and programs/)
  })
})

describe('the administration of the real server', () => {
  let server: RealServer
  let root: AuthClient
  let admin: Admin

  beforeAll(async () => {
    server = await startServer()
    await server.cli('create-admin', '--email', 'root@example.com', '--link', '--json').then(async (said) => {
      const token = /ntto_[\w-]+/.exec(said)![0]
      root = new AuthClient({ baseUrl: server.address })
      await root.resetPassword({ token, new_password: password })
    })
    await root.login({ email: 'root@example.com', password })
    admin = createAdmin({ baseUrl: server.address, as: root })
  })
  afterAll(() => server.stop())

  it('manages users', async () => {
    for (let n = 0; n < 5; n++) await admin.users.create({ email: `user${n}@example.com`, password, name: `User ${n}` })
    const emails: string[] = []
    for await (const { email } of admin.users.list({ sort: 'email', limit: 2 })) emails.push(email)
    expect(emails).toEqual(['root@example.com', ...[0, 1, 2, 3, 4].map((n) => `user${n}@example.com`)])
    const [user] = (await admin.users.list({ q: 'user3' }).page()).items
    const { id } = user!
    expect(await admin.users.update(id, { roles: ['editor'], locale: 'de' })).toMatchObject({ roles: ['editor'] })
    expect(await admin.users.get(id)).toMatchObject({ locale: 'de' })
    const client = new AuthClient({ baseUrl: server.address })
    await client.login({ email: user!.email, password })
    const [session] = (await admin.users.sessions(id).page()).items
    await admin.users.endSession(id, session!.id)
    expect(await code(client.refresh())).toBe('session_ended')
    await client.login({ email: user!.email, password })
    await admin.users.disable(id)
    expect(await code(client.refresh())).toBe('session_ended')
    await admin.users.enable(id)
    await admin.users.unlock(id)
    await admin.users.logout(id)
    await admin.users.resetPassword(id)
    await admin.users.delete(id)
    expect(await code(admin.users.get(id))).toBe('not_found')
  })

  it('manages services and keys, reads the audit log, and knows the figures', async () => {
    const service = await admin.services.create({ name: 'notes', scopes: ['users:read'] })
    expect(await allOf(admin.services.list())).toMatchObject([{ id: service.id, name: 'notes' }])
    expect(await admin.services.update(service.id, { name: 'diary' })).toMatchObject({ name: 'diary' })
    const as = { clientId: service.client_id, clientSecret: service.client_secret }
    const reader = createAdmin({ baseUrl: server.address, as })
    expect((await reader.users.list().page()).items.length).toBeGreaterThan(0)
    expect(await code(reader.users.create({ email: 'x@example.com' }))).not.toBe('fine')
    const { secrets } = await admin.services.addSecret(service.id, { overlap: 60 })
    await admin.services.deleteSecret(service.id, secrets[0]!.id)
    expect((await admin.services.get(service.id)).secrets).toHaveLength(1)
    await admin.services.delete(service.id)
    expect((await admin.keys.list()).map(({ state }) => state)).toContain('active')
    expect((await admin.keys.rotate({ now: true })).length).toBeGreaterThan(1)
    const { items } = await admin.audit({ event: 'service_deleted' }).page()
    expect(items).toMatchObject([{ subject: { id: service.id } }])
    expect((await admin.stats()).administrators).toBe(1)
  })

  it('asks once more with a new token when the old one is refused', async () => {
    let calls = 0
    const as = {
      getAccessToken: (options?: { forceRefresh?: boolean }) =>
        calls++ === 0 ? Promise.resolve('stale') : root.getAccessToken(options),
    }
    const eager = createAdmin({ baseUrl: server.address, as })
    expect((await eager.stats()).administrators).toBe(1)
    expect(calls).toBe(2)
  })
})
