import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import { mockAuthServer } from '../src/testing/index.ts'
import { createVerifier, type FeedOptions, type Verifier } from '../src/verify/index.ts'
import { readEvents } from '../src/verify/sse.ts'
import { code, eventually } from './support/setup.ts'

const who = { sub: 'user-1', sid: 'session-1' }
const later = () => new Date(Date.now() + 900_000).toISOString()
const end = (kind: string, id: string, before = new Date().toISOString()) => ({ kind, id, before, until: later() })

/** A feed whose answers the test writes. */
async function feedServer() {
  const items: object[] = []
  const asked: { url: string; cursor: string | undefined }[] = []
  const open = new Set<import('node:http').ServerResponse>()
  const state = { stream: true, broken: false, refuseCursor: false }
  const server = createServer((request, response) => {
    asked.push({ url: request.url!, cursor: request.headers['last-event-id'] as string })
    if (request.headers.authorization !== `Basic ${btoa('reader:se%3Acret')}`) return void response.writeHead(401).end()
    if (state.broken) return void request.socket.destroy()
    if (request.url!.startsWith('/v1/revocations/stream')) {
      if (!state.stream) return void response.writeHead(503).end()
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('retry: 1000\n\n: still here\n\n')
      open.add(response)
      response.on('close', () => open.delete(response))
      return
    }
    const since = new URL(request.url!, 'http://x').searchParams.get('since')
    if (since && state.refuseCursor) {
      state.refuseCursor = false
      return void response.writeHead(422).end('{}')
    }
    const from = Number(since ?? 0)
    const page = items.slice(from, from + 2)
    const body = { cursor: String(from + page.length), items: page, more: from + page.length < items.length }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    items,
    asked,
    state,
    readers: () => open.size,
    say: (text: string) => void [...open].map((each) => each.write(text)),
    cut: () => void [...open].map((each) => each.destroy()),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

describe('following revocations', () => {
  const cleanups: (() => void)[] = []
  afterEach(() => {
    for (const each of cleanups.splice(0)) each()
  })

  async function setup(options: Partial<FeedOptions> = {}) {
    const feed = await feedServer()
    const auth = mockAuthServer({ issuer: feed.address })
    const errors: unknown[] = []
    const credential = {
      clientId: 'reader',
      clientSecret: 'se:cret',
      whenUnreachable: 'fail_open',
      pollMs: 20,
    } as const
    let time = 0
    const verifier: Verifier = createVerifier({
      issuer: feed.address,
      revocation: { ...credential, ...options },
      // Keys come from memory, revocations by the network.
      fetch: (input, init) => (String(input).includes('jwks') ? auth.fetch(input, init) : fetch(input, init)),
      now: () => Date.now() + time,
      onError: (error) => void errors.push(error),
    })
    cleanups.push(() => verifier.close(), feed.close)
    const pass = (ms: number) => {
      time += ms
    }
    return { feed, auth, verifier, errors, pass, token: await auth.tokens.sign(who) }
  }

  it('learns what was revoked before it came, in pages, and then by the stream', async () => {
    const { feed, verifier, token } = await setup()
    feed.items.push(end('session', 'x'), end('session', 'y'), end('user', 'z'))
    expect(await code(verifier.verify(token))).toBe('fine')
    expect(verifier.feedStatus()).toMatchObject({ size: 3 })
    await eventually(() => feed.readers() === 1 && verifier.feedStatus()!.mode === 'stream')
    feed.say(`id: 9\nevent: revocation\ndata: ${JSON.stringify(end('session', 'session-1'))}\n\n`)
    await eventually(async () => (await code(verifier.verify(token))) === 'token_revoked')
  })

  it.each([
    ['session', 'session-1', 'token_revoked'],
    ['key', 'test-1', 'token_revoked'],
    ['user', 'user-1', 'token_revoked'],
    ['user', 'user-2', 'fine'],
    ['session', 'session-2', 'fine'],
  ])('knows that the end of %s %s leaves a token %s', async (kind, id, outcome) => {
    const { feed, verifier, token } = await setup()
    feed.items.push(end(kind, id))
    expect(await code(verifier.verify(token))).toBe(outcome)
  })

  it('lets in what a user got after his tokens were revoked', async () => {
    const { feed, verifier, token } = await setup()
    feed.items.push(end('user', 'user-1', new Date(Date.now() - 60_000).toISOString()))
    expect(await code(verifier.verify(token))).toBe('fine')
  })

  it('goes on where it was when the stream breaks', async () => {
    const { feed, verifier, token, errors } = await setup()
    feed.items.push(end('session', 'x'))
    await verifier.verify(token)
    await eventually(() => feed.readers() === 1)
    feed.say(`id: 7\nevent: revocation\ndata: ${JSON.stringify(end('session', 'y'))}\n\n`)
    await eventually(() => verifier.feedStatus()!.size === 2)
    feed.cut()
    await eventually(() => feed.asked.some(({ url, cursor }) => url.endsWith('/stream') && cursor === '7'))
    expect(errors.length).toBeGreaterThan(0)
  })

  it('polls where there is no stream, and from the beginning when its cursor is refused', async () => {
    const { feed, verifier, token } = await setup()
    feed.state.stream = false
    await verifier.verify(token)
    feed.state.refuseCursor = true
    feed.items.push(end('session', 'session-1'))
    await eventually(async () => (await code(verifier.verify(token))) === 'token_revoked')
  })

  it('asks as often as ever where no stream is to be had, and tries the stream ever more seldom', async () => {
    const { feed, verifier } = await setup()
    feed.state.stream = false
    await verifier.warm()
    const tries = (path: string) => feed.asked.filter(({ url }) => url.split('?')[0] === path).length
    await eventually(() => tries('/v1/revocations') >= 40)
    expect(tries('/v1/revocations/stream')).toBeLessThan(tries('/v1/revocations') / 2)
    feed.state.stream = true
    await eventually(() => verifier.feedStatus()!.mode === 'stream')
  })

  it('polls only, where it was told to', async () => {
    const { feed, verifier, token } = await setup({ mode: 'poll' })
    await verifier.warm()
    feed.items.push(end('session', 'session-1'))
    await eventually(async () => (await code(verifier.verify(token))) === 'token_revoked')
    expect(feed.asked.some(({ url }) => url.endsWith('/stream'))).toBe(false)
  })

  it('forgets what no longer matters', async () => {
    const { feed, verifier, token, pass } = await setup({ mode: 'poll' })
    feed.items.push(end('session', 'x'))
    await verifier.verify(token)
    feed.items.length = 0
    pass(3_600_000)
    await eventually(() => verifier.feedStatus()!.size === 0)
  })

  it('unreachable and fail_open: lets in', async () => {
    const { feed, verifier, token } = await setup()
    feed.state.broken = true
    expect(await code(verifier.verify(token))).toBe('fine')
  })

  it('unreachable and fail_closed: lets nobody in until it was heard, nor when that is too long ago', async () => {
    const { feed, verifier, token, pass } = await setup({ whenUnreachable: 'fail_closed' })
    feed.state.broken = true
    expect(await code(verifier.verify(token))).toBe('verifier_unavailable')
    feed.state.broken = false
    await eventually(async () => (await code(verifier.verify(token))) === 'fine')
    feed.state.broken = true
    feed.cut()
    pass(61_000)
    expect(await code(verifier.verify(token))).toBe('verifier_unavailable')
  })

  it('says when its credential is refused', async () => {
    const { verifier, token, errors } = await setup({ clientSecret: 'wrong' })
    expect(await code(verifier.verify(token))).toBe('fine')
    expect(String(errors[0])).toMatch(/answered 401/)
  })

  it('reads events however they are cut into pieces', async () => {
    const text = ': hi\r\n\r\nid: 1\nevent: a\ndata: one\ndata: two\n\ndata\n\nid: 2\n\n\n'
    for (const size of [1, 2, 5, 100]) {
      const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g'))!
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          for (const each of pieces) controller.enqueue(new TextEncoder().encode(each))
          controller.close()
        },
      })
      const events = []
      for await (const each of readEvents(body)) events.push(each)
      expect(events.filter(({ event }) => event !== '')).toEqual([
        { event: 'a', data: 'one\ntwo', id: '1' },
        { event: 'message', data: '', id: undefined },
        { event: 'message', data: '', id: '2' },
      ])
    }
  })
})
