import { VerifierUnavailableError } from './errors.ts'
import { readEvents } from './sse.ts'
import type { Claims } from './token.ts'

/** One end, as `GET /v1/revocations` tells it. */
export type Revocation = {
  kind: 'session' | 'user' | 'token' | 'key'
  id: string
  /** Of a user: tokens issued up to here are revoked; RFC 3339. Of the others, all are. */
  before: string
  /** Until when it matters; RFC 3339. */
  until: string
}

export type FeedOptions = {
  /** The service that reads the feed: scope `revocations:read`. */
  clientId: string
  clientSecret: string
  /** What becomes of tokens when the feed was not heard for `maxStalenessMs`: let in, or answered with 503. */
  whenUnreachable: 'fail_open' | 'fail_closed'
  /** Default 60 000. */
  maxStalenessMs?: number
  /**
   * How often to ask while there is no stream. Default 800: with the second that a revocation takes at most to every
   * node, and the time of the answer, a logout is known here within two.
   */
  pollMs?: number
  /** `poll`: never a stream, for hosts that let no connection stay open. Default `stream`. */
  mode?: 'stream' | 'poll'
}

export type RevocationFeed = {
  /** @throws VerifierUnavailableError under `fail_closed` */
  isRevoked(claims: Claims, kid: string): boolean
  start(): Promise<void>
  close(): void
  status(): { heardAt: number | null; size: number; mode: 'stream' | 'poll' }
}

type Ports = { baseUrl: string; fetch: typeof fetch; now: () => number; onError: (error: unknown) => void }

/** Follows what the server revokes: by its stream, and by asking where the stream breaks. */
export function revocationFeed(options: FeedOptions, { baseUrl, fetch, now, onError }: Ports): RevocationFeed {
  const { clientId, clientSecret, whenUnreachable, maxStalenessMs = 60_000, pollMs = 800, mode = 'stream' } = options
  const encoded = btoa(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`)
  const headers = { authorization: `Basic ${encoded}` }
  const ends = new Map<string, { before: number; until: number }>()
  const stop = new AbortController()
  let cursor: string | null = null
  let heardAt: number | null = null
  let started: Promise<void> | undefined
  let streaming = false
  let brokenStreams = 0
  let swept = now()

  const learn = ({ kind, id, before, until }: Revocation) => {
    const end = { before: kind === 'user' ? Date.parse(before) : Number.POSITIVE_INFINITY, until: Date.parse(until) }
    const known = ends.get(`${kind} ${id}`) ?? end
    const later = (name: 'before' | 'until') => Math.max(known[name], end[name])
    ends.set(`${kind} ${id}`, { before: later('before'), until: later('until') })
  }
  const heard = () => {
    heardAt = now()
    if (heardAt - swept < 60_000) return
    swept = heardAt
    for (const [name, { until }] of ends) if (until + 60_000 < heardAt) ends.delete(name)
  }

  const poll = async () => {
    for (let more = true; more; ) {
      const query = cursor === null ? '' : `?since=${encodeURIComponent(cursor)}`
      const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(10_000)])
      const response = await fetch(`${baseUrl}/v1/revocations${query}`, { headers, signal, redirect: 'error' })
      // A cursor that the server no longer takes: from the beginning.
      if (response.status === 422 && cursor !== null) {
        cursor = null
        continue
      }
      if (!response.ok) throw new Error(`The revocation feed answered ${response.status}.`)
      const page = (await response.json()) as { cursor: string; items: Revocation[]; more?: boolean }
      for (const item of page.items) learn(item)
      cursor = page.cursor
      more = page.more === true
      heard()
    }
  }

  const stream = async () => {
    const resumed = cursor === null ? {} : { 'last-event-id': cursor }
    const silence = new AbortController()
    const signal = AbortSignal.any([stop.signal, silence.signal])
    const response = await fetch(`${baseUrl}/v1/revocations/stream`, {
      headers: { ...headers, ...resumed, accept: 'text/event-stream' },
      signal,
      redirect: 'error',
    })
    if (!response.ok || !response.body) throw new Error(`The revocation stream answered ${response.status}.`)
    // The server says something every 15 s; whoever is silent for longer is gone.
    const watch = () => setTimeout(() => silence.abort(new Error('The revocation stream fell silent.')), 40_000)
    let timer = unref(watch())
    try {
      for await (const event of readEvents(response.body)) {
        clearTimeout(timer)
        timer = unref(watch())
        streaming = true
        brokenStreams = 0
        if (event.event === 'revocation') learn(JSON.parse(event.data))
        if (event.id !== undefined) cursor = event.id
        heard()
      }
    } finally {
      clearTimeout(timer)
      streaming = false
    }
  }

  const backoff = (failures: number) => Math.min(pollMs * 2 ** failures, 30_000)
  /** Whether it went well. */
  const tried = async (work: () => Promise<void>) => {
    try {
      await work()
      return true
    } catch (error) {
      if (!stop.signal.aborted) onError(error)
      return false
    }
  }

  const follow = async () => {
    let streamAt = 0
    for (let failures = 0; !stop.signal.aborted; ) {
      if (mode === 'stream' && performance.now() >= streamAt && !(await tried(stream))) {
        streamAt = performance.now() + backoff(brokenStreams++)
      }
      // Also where no stream is to be had, or not for now: the lag stays what it is.
      const begun = performance.now()
      failures = (await tried(poll)) ? 0 : failures + 1
      const interval = backoff(failures) * (0.9 + Math.random() * 0.1)
      await pause(Math.max(interval - (performance.now() - begun), interval / 4))
    }
  }
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = unref(setTimeout(done, ms))
      function done() {
        clearTimeout(timer)
        stop.signal.removeEventListener('abort', done)
        resolve()
      }
      stop.signal.addEventListener('abort', done)
    })

  const applies = (name: string, claims: Claims, at: number) => {
    const end = ends.get(name)
    return end !== undefined && end.until + 60_000 >= at && claims.iat * 1000 <= end.before
  }
  return {
    isRevoked(claims, kid) {
      const at = now()
      if (whenUnreachable === 'fail_closed' && (heardAt === null || at - heardAt > maxStalenessMs)) {
        throw new VerifierUnavailableError('What was revoked is not known: the server has not been heard for too long.')
      }
      const { sid, sub, jti } = claims
      return [`session ${sid}`, `user ${sub}`, `token ${jti}`, `key ${kid}`].some((name) => applies(name, claims, at))
    },
    start() {
      started ??= poll()
        .catch(onError)
        .then(() => void follow())
      return started
    },
    close: () => stop.abort(),
    status: () => ({ heardAt, size: ends.size, mode: streaming ? 'stream' : 'poll' }),
  }
}

function unref<T>(timer: T): T {
  ;(timer as { unref?: () => void }).unref?.()
  return timer
}
