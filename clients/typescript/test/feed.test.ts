import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { mockAuthServer } from '../src/testing/index.ts'
import { createVerifier, type FeedOptions, type Verifier, type VerifierOptions } from '../src/verify/index.ts'
import { revocationFeed } from '../src/verify/revocations.ts'
import { readEvents } from '../src/verify/sse.ts'
import type { Claims } from '../src/verify/token.ts'
import { code, eventually, gate } from './support/setup.ts'

const who = { sub: 'user-1', sid: 'session-1' }
const later = () => new Date(Date.now() + 900_000).toISOString()
const end = (kind: string, id: string, before = new Date().toISOString()) => ({
  kind,
  id,
  before,
  until: later(),
  revoked_at: new Date().toISOString(),
})

type State = {
  stream: boolean
  broken: boolean
  refuseCursor: boolean
  /** What something on the way takes of a stream and does not pass on. */
  swallow: 'nothing' | 'the body' | 'everything'
  /** What answers to polls wait for. */
  hold: Promise<void> | null
  /** Somebody in between answers in its place. */
  page?: boolean
}

/** A feed whose answers the test writes. */
async function feedServer() {
  const items: object[] = []
  const asked: { url: string; cursor: string | undefined }[] = []
  const open = new Set<import('node:http').ServerResponse>()
  const state: State = { stream: true, broken: false, refuseCursor: false, swallow: 'nothing', hold: null }
  const server = createServer((request, response) => {
    asked.push({ url: request.url!, cursor: request.headers['last-event-id'] as string })
    if (request.headers.authorization !== `Basic ${btoa('reader:se%3Acret')}`) return void response.writeHead(401).end()
    if (state.broken) return void request.socket.destroy()
    if (state.page) return void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>\nBack soon\n</p>\n')
    if (request.url!.startsWith('/v1/revocations/stream')) {
      if (!state.stream) return void response.writeHead(503).end()
      if (state.swallow === 'everything') return
      if (state.swallow === 'the body') {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        return response.flushHeaders()
      }
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
    const answer = () => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    if (state.hold) void state.hold.then(answer)
    else answer()
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

  async function setup(options: Partial<FeedOptions> = {}, more: Partial<VerifierOptions> = {}) {
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
      ...more,
    })
    cleanups.push(() => verifier.close(), feed.close)
    const pass = (ms: number) => {
      time += ms
    }
    return {
      feed,
      auth,
      verifier,
      errors,
      pass,
      token: await auth.tokens.sign({ ...who, roles_id: 'roles-1', jti: 'token-1' }),
    }
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
    ['roles', 'roles-1', 'token_revoked'],
    ['token', 'token-1', 'token_revoked'],
    ['token', 'token-2', 'fine'],
    ['user', 'user-2', 'fine'],
    ['roles', 'user-1', 'fine'],
    ['session', 'session-2', 'fine'],
  ])('knows that the end of %s %s leaves a token %s', async (kind, id, outcome) => {
    const { feed, verifier, token } = await setup()
    feed.items.push(end(kind, id))
    expect(await code(verifier.verify(token))).toBe(outcome)
  })

  it('revokes what a user got up to the very moment', async () => {
    const { feed, auth, verifier } = await setup()
    const iat = Math.floor(Date.now() / 1000) - 60
    feed.items.push(end('user', 'user-1', new Date(iat * 1000).toISOString()))
    expect(await code(verifier.verify(await auth.tokens.sign({ ...who, iat })))).toBe('token_revoked')
    expect(await code(verifier.verify(await auth.tokens.sign({ ...who, iat: iat + 1 })))).toBe('fine')
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

  it('takes no older place from a late answer than the stream has told meanwhile', async () => {
    const { feed, verifier, token } = await setup()
    feed.items.push(end('session', 'x'))
    await verifier.verify(token)
    await eventually(() => feed.readers() === 1)
    const { until, open } = gate()
    feed.state.hold = until
    const before = feed.asked.length
    await eventually(() => feed.asked.length > before)
    feed.say(`id: 7\nevent: revocation\ndata: ${JSON.stringify(end('session', 'y'))}\n\n`)
    await eventually(() => verifier.feedStatus()!.size === 2)
    feed.state.hold = null
    open()
    await eventually(() => feed.asked.some(({ url }) => url.endsWith('since=7')))
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

  const polls = (asked: { url: string }[]) => asked.filter(({ url }) => !url.includes('/stream')).length

  it.each([['the body'], ['everything'], ['nothing']] as const)(
    'goes on asking beside a stream that has yet to show itself alive, with %s of it swallowed',
    async (swallow) => {
      const { feed, verifier, token } = await setup({ whenUnreachable: 'fail_closed' })
      feed.state.swallow = swallow
      expect(await code(verifier.verify(token))).toBe('fine')
      await eventually(() => feed.asked.some(({ url }) => url.endsWith('/stream')))
      const before = polls(feed.asked)
      await eventually(() => polls(feed.asked) > before + 10)
      feed.items.push(end('session', 'session-1'))
      await eventually(async () => (await code(verifier.verify(token))) === 'token_revoked')
    },
  )

  async function direct(timing: { doubtMs?: number; silenceMs: number; provenMs: number }) {
    const feed = await feedServer()
    const options = { clientId: 'reader', clientSecret: 'se:cret', whenUnreachable: 'fail_open', pollMs: 20 } as const
    const errors: unknown[] = []
    const onError = (error: unknown) => void errors.push(error)
    const follower = revocationFeed(options, { baseUrl: feed.address, fetch, now: Date.now, onError, ...timing })
    cleanups.push(() => follower.close(), feed.close)
    const streams = () => feed.asked.length - polls(feed.asked)
    return { feed, follower, errors, streams }
  }

  it.each([['nothing'], ['the body'], ['everything']] as const)(
    'cuts off a stream that says nothing for too long, and begins another, with %s of it swallowed',
    async (swallow) => {
      const { feed, follower, errors, streams } = await direct({ silenceMs: 50, provenMs: 0 })
      feed.state.swallow = swallow
      await follower.start()
      await eventually(() => streams() > 2)
      expect(errors.map(String).join()).toMatch(/stream is silent/)
    },
  )

  it('stops asking once the stream has shown that it is let through, and asks again when it ends', async () => {
    const { feed, follower } = await direct({ doubtMs: 60_000, silenceMs: 60_000, provenMs: 0 })
    await follower.start()
    await eventually(() => feed.readers() === 1 && follower.status().mode === 'stream')
    let before: number
    do {
      before = polls(feed.asked)
      await new Promise((resolve) => setTimeout(resolve, 500))
    } while (polls(feed.asked) > before)
    feed.state.stream = false
    feed.cut()
    await eventually(() => polls(feed.asked) > before + 5)
  })

  it('asks beside a stream that worked and has gone silent, until it says something again', async () => {
    const { feed, follower, errors, streams } = await direct({ doubtMs: 1000, silenceMs: 60_000, provenMs: 0 })
    await follower.start()
    const alive = setInterval(() => feed.say(': alive\n\n'), 10)
    cleanups.push(() => clearInterval(alive))
    const isQuiet = async () => {
      const before = polls(feed.asked)
      await new Promise((resolve) => setTimeout(resolve, 200))
      return follower.status().mode === 'stream' && polls(feed.asked) === before
    }
    await eventually(isQuiet)
    clearInterval(alive)
    const before = polls(feed.asked)
    await eventually(() => polls(feed.asked) > before + 5)
    expect(follower.status().mode).toBe('poll')
    const aliveAgain = setInterval(() => feed.say(': alive\n\n'), 10)
    cleanups.push(() => clearInterval(aliveAgain))
    await eventually(isQuiet)
    expect([streams(), errors]).toEqual([1, []])
  })

  it('comes back soon to a stream that worked, however often it breaks, and says so each time but the last', async () => {
    const { feed, follower, errors, streams } = await direct({ silenceMs: 60_000, provenMs: 0 })
    await follower.start()
    for (let round = 1; round < 12; round++) {
      await eventually(() => feed.readers() === 1 && follower.status().mode === 'stream')
      expect(streams()).toBe(round)
      feed.cut()
      await eventually(() => errors.length === round)
    }
    await eventually(() => feed.readers() === 1 && follower.status().mode === 'stream')
    follower.close()
    await eventually(() => follower.status().mode === 'poll')
    expect(errors).toHaveLength(11)
  })

  it('follows no redirect with its credential', async () => {
    const { feed, verifier, token, errors } = await setup({ mode: 'poll' })
    const other = createServer((_request, response) => {
      response.writeHead(307, { location: `${feed.address}/v1/revocations` }).end()
    })
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => other.close())
    const { port } = other.address() as AddressInfo
    const onError = (error: unknown) => void errors.push(error)
    const options = { clientId: 'reader', clientSecret: 'se:cret', whenUnreachable: 'fail_closed' } as const
    const ports = { baseUrl: `http://127.0.0.1:${port}`, fetch, now: Date.now, onError }
    const follower = revocationFeed({ ...options, mode: 'poll' }, ports)
    cleanups.push(() => follower.close())
    await follower.start()
    expect(feed.asked).toEqual([])
    expect(errors).toHaveLength(1)
    expect(await code(verifier.verify(token))).toBe('fine')
  })

  it('polls only, where it was told to', async () => {
    const { feed, verifier, token } = await setup({ mode: 'poll' })
    await verifier.warm()
    feed.items.push(end('session', 'session-1'))
    await eventually(async () => (await code(verifier.verify(token))) === 'token_revoked')
    expect(feed.asked.some(({ url }) => url.endsWith('/stream'))).toBe(false)
  })

  /** A follower whose clocks the test sets. */
  async function clocked(feed: { address: string }) {
    const times = { wall: Date.now(), monotonic: 0 }
    const options = { clientId: 'reader', clientSecret: 'se:cret', whenUnreachable: 'fail_closed' } as const
    const clocks = { now: () => times.wall, monotonic: () => times.monotonic }
    const ports = { baseUrl: feed.address, fetch, onError: () => undefined, ...clocks }
    const follower = revocationFeed({ ...options, mode: 'poll', pollMs: 50, maxStalenessMs: 5000 }, ports)
    cleanups.push(() => follower.close())
    await follower.start()
    const claims = { ...who, jti: 'x', iat: Math.floor(Date.now() / 1000) - 60 } as unknown as Claims
    const lets = () => {
      try {
        return follower.isRevoked(claims, 'k') ? 'revoked' : 'in'
      } catch {
        return 'unavailable'
      }
    }
    const polled = async () => {
      const before = follower.status().heardAt
      times.wall += 1
      await eventually(() => follower.status().heardAt !== before)
    }
    return { follower, times, lets, polled }
  }

  it('forgets what no longer matters, and not because the wall clock was ahead for a while', async () => {
    const { feed } = await setup({ mode: 'poll' })
    feed.items.push(end('session', who.sid))
    const { follower, times, lets, polled } = await clocked(feed)
    expect(lets()).toBe('revoked')
    times.wall += 86_400_000
    times.monotonic += 61_000
    await polled()
    times.wall -= 86_400_000
    await polled()
    expect(lets()).toBe('revoked')
    times.monotonic += 1_000_000
    await polled()
    expect(follower.status().size).toBe(0)
  })

  it('sooner or later of one end: what lasts longer and reaches further counts, in whatever order it is told', async () => {
    const { feed } = await setup({ mode: 'poll' })
    const now = new Date().toISOString()
    feed.items.push(end('user', who.sub, now), end('user', who.sub, new Date(Date.now() - 3_600_000).toISOString()))
    const { lets } = await clocked(feed)
    expect(lets()).toBe('revoked')
  })

  it.each([
    [900, 1800],
    [1800, 900],
  ])(
    'remembers an end that is told twice for as long as the longer of them matters: %i s, %i s',
    async (...lasting) => {
      const { feed } = await setup({ mode: 'poll' })
      for (const seconds of lasting) {
        const one = end('session', who.sid)
        feed.items.push({ ...one, until: new Date(Date.parse(one.revoked_at) + seconds * 1000).toISOString() })
      }
      const { follower, times, lets, polled } = await clocked(feed)
      // A token may be believed a little longer than it lasts.
      times.monotonic += 1_859_000
      await polled()
      expect(lets()).toBe('revoked')
      times.monotonic += 61_000
      await polled()
      expect([lets(), follower.status().size]).toEqual(['in', 0])
    },
  )

  it('under fail_closed a clock that was set back does not hide that the feed is dead', async () => {
    const { feed } = await setup({ mode: 'poll' })
    const { times, lets } = await clocked(feed)
    expect(lets()).toBe('in')
    feed.state.broken = true
    times.wall -= 20_000
    times.monotonic += 5001
    await eventually(() => lets() === 'unavailable')
  })

  it('what cannot be read was not heard; kinds of a later server are passed over', async () => {
    const { feed } = await setup({ mode: 'poll' })
    feed.items.push({ kind: 'planet', id: 'x', until: 'never' })
    const { times, lets } = await clocked(feed)
    expect(lets()).toBe('in')
    for (const junk of [{ before: 'x' }, { until: null }, { revoked_at: 'x' }, { id: 7 }]) {
      feed.items.push({ ...end('user', who.sub), ...junk })
      times.wall += 5001
      times.monotonic += 5001
      await eventually(() => lets() === 'unavailable')
      feed.items.length = 1
      await eventually(() => lets() === 'in')
    }
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
    expect(String(errors[0])).toMatch(/refuses the credential .* \(401\)/)
    await expect(verifier.warm()).rejects.toThrow(/revocations:read/)
  })

  it('says so too where nobody listens: as a warning, once, and in the 503', async () => {
    const feed = await feedServer()
    const auth = mockAuthServer({ issuer: feed.address })
    const credential = { clientId: 'reader', clientSecret: 'wrong', whenUnreachable: 'fail_closed', pollMs: 5 } as const
    const viaMemory: typeof fetch = (input, init) =>
      String(input).includes('jwks') ? auth.fetch(input, init) : fetch(input, init)
    const verifier = createVerifier({ issuer: feed.address, revocation: credential, fetch: viaMemory })
    cleanups.push(() => verifier.close(), feed.close)
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    cleanups.push(() => warn.mockRestore())
    await expect(verifier.verify(await auth.tokens.sign(who))).rejects.toThrow(/not known: .* refuses the credential/)
    await eventually(() => feed.asked.length > 3)
    const ours = warn.mock.calls.filter(([message]) => /refuses the credential/.test(String(message)))
    expect(ours).toHaveLength(1)
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('Mine.')
      },
    ],
    ['rejects', () => Promise.reject(new Error('Mine.'))],
  ] as const)('goes on where onError itself %s', async (_how, onError) => {
    const { feed, auth, verifier } = await setup({}, { onError })
    const token = await auth.tokens.sign(who)
    await verifier.verify(token)
    feed.state.broken = true
    feed.cut()
    const before = feed.asked.length
    await eventually(() => feed.asked.length > before + 2)
    feed.state.broken = false
    await eventually(() => feed.readers() > 0)
    await expect(verifier.verify(token)).resolves.toBeDefined()
  })

  it.each(['fail_open', 'fail_closed'] as const)(
    'once closed, goes by the choice of who cannot hear the server: %s',
    async (choice) => {
      const { auth, verifier } = await setup({ whenUnreachable: choice })
      const token = await auth.tokens.sign(who)
      await verifier.verify(token)
      verifier.close()
      if (choice === 'fail_open') await expect(verifier.verify(token)).resolves.toBeDefined()
      else await expect(verifier.verify(token)).rejects.toThrow(/closed/)
    },
  )

  it('takes a page of something in between for no word of the server', async () => {
    const { feed, auth, verifier, pass } = await setup({ whenUnreachable: 'fail_closed', maxStalenessMs: 60_000 })
    const token = await auth.tokens.sign(who)
    await verifier.verify(token)
    feed.state.page = true
    pass(50_000)
    const before = feed.asked.length
    await eventually(() => feed.asked.length > before + 3)
    pass(11_000)
    await expect(verifier.verify(token)).rejects.toThrow(/not been heard/)
  })

  it('reads events however they are cut into pieces', async () => {
    const text = ': hi\r\n\r\nid: 1\r\nevent: a\r\ndata: one\ndata: two\r\r\n<p>\n\ndata\n\nid: 2\n\n\n'
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
