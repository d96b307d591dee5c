import { startTicks } from '../clock.ts'
import { ConfigurationError } from '../errors/errors.ts'
import { VerifierUnavailableError } from './errors.ts'
import { readEvents } from './sse.ts'
import type { Claims } from './token.ts'

/** One end, as `GET /v1/revocations` tells it. */
export type Revocation = {
  /** What `id` names. */
  kind: 'session' | 'user' | 'roles' | 'token' | 'key'
  id: string
  /** Of a user: tokens issued up to here are revoked; RFC 3339. Of the others, all are. */
  before: string
  /** Until when it matters; RFC 3339. */
  until: string
  /** RFC 3339; by the clock of the server, as the others. */
  revoked_at: string
}

const kinds: ReadonlySet<string> = new Set<Revocation['kind']>(['session', 'user', 'roles', 'token', 'key'])

/** How to hear of what the server revokes. */
export type FeedOptions = {
  /** The service that reads the feed: scope `revocations:read`. `undefined`, as of a variable that is not set, is refused. */
  clientId: string | undefined
  /** Its secret. */
  clientSecret: string | undefined
  /** What becomes of tokens when the feed was not heard for `maxStalenessMs`: let in, or answered with 503. */
  whenUnreachable: 'fail_open' | 'fail_closed'
  /** Default 60 000. */
  maxStalenessMs?: number
  /**
   * How often to ask while no stream shows that it is alive. Default 800: with the second that a revocation takes at most to every
   * node, and the time of the answer, a logout is known here within two.
   */
  pollMs?: number
  /** `poll`: never a stream, for hosts that let no connection stay open. Default `stream`. */
  mode?: 'stream' | 'poll'
}

/** `heardAt`: when the feed was last heard, in milliseconds since 1970; null before. `size`: how many ends are known. */
export type FeedStatus = { heardAt: number | null; size: number; mode: 'stream' | 'poll' }

export type RevocationFeed = {
  /** @throws VerifierUnavailableError under `fail_closed` */
  isRevoked(claims: Claims, kid: string): boolean
  /** Begins to follow, once; waits until the feed was heard, or could not be. */
  start(): Promise<void>
  /** @throws ConfigurationError when the server refused the credential the last time it was asked */
  checkCredential(): void
  close(): void
  status(): FeedStatus
}

type Ports = {
  baseUrl: string
  fetch: typeof fetch
  now: () => number
  monotonic?: () => number
  onError: (error: unknown) => void
  /** The server says something on its stream every second: while one is silent for longer, its connection may be dead. */
  doubtMs?: number
  /** A stream that is silent for so long is cut off. */
  silenceMs?: number
  /** What comes this long after its beginning shows that a stream is let through, and not only its first bytes. */
  provenMs?: number
}

/** The longest wait for an answer, and for the head of a stream. */
const patience = 10_000
/** The longest pause between two polls, and between two streams, that failed. */
const mostBetweenPolls = 5000
const mostBetweenStreams = 30_000
/** Who gets no answer for so long asks again beside it, and so many times at once. */
const impatience = 300
const mostAtOnce = 4

/**
 * Follows what the server revokes: by its stream, and by asking beside it for as long as the stream does not show that it
 * is alive, because many things on the way take a stream and let nothing of it through, and a connection may die without a
 * word.
 */
export function revocationFeed(options: FeedOptions, ports: Ports): RevocationFeed {
  const {
    baseUrl,
    fetch,
    now,
    monotonic = () => performance.now(),
    onError,
    doubtMs = 1300,
    silenceMs = 20_000,
    provenMs = 5000,
  } = ports
  const { clientId, clientSecret, whenUnreachable, maxStalenessMs = 60_000, pollMs = 800, mode = 'stream' } = options
  const encoded = btoa([clientId, clientSecret].map((each) => encodeURIComponent(each!)).join(':'))
  const headers = { authorization: `Basic ${encoded}` }
  const ends = new Map<string, { before: number; forgetAt: number }>()
  // The wall clock may be set back, and then nothing would ever be too old.
  const passed = startTicks({ wall: now, monotonic })
  const stop = new AbortController()
  let cursor: string | null = null
  let heardAt: number | null = null
  let heardTick = 0
  let started: Promise<void> | undefined
  let streaming = false
  /** Whether the stream can do without polls beside it. */
  let proven = false
  let askNow = () => {}
  let brokenStreams = 0
  let swept = monotonic()
  let lastError: unknown

  /** @throws Error what cannot be read was not heard; kinds of a later server are none of ours */
  const learn = ({ kind, id, before, until, revoked_at }: Revocation) => {
    if (!kinds.has(kind)) return
    const matters = Date.parse(until) - Date.parse(revoked_at)
    const end = { before: kind === 'user' ? Date.parse(before) : Number.POSITIVE_INFINITY }
    if (typeof id !== 'string' || !(matters >= 0) || Number.isNaN(end.before)) {
      throw new Error(`The revocation feed tells what cannot be read: ${JSON.stringify({ kind, id, before, until })}.`)
    }
    // For as long as it mattered when it was made, by a clock that nobody sets: the wall clock may be days ahead and come back.
    const forgetAt = monotonic() + matters + 60_000
    const known = ends.get(`${kind} ${id}`) ?? { ...end, forgetAt }
    const later = { before: Math.max(known.before, end.before), forgetAt: Math.max(known.forgetAt, forgetAt) }
    ends.set(`${kind} ${id}`, later)
  }
  const heard = () => {
    heardAt = now()
    heardTick = passed()
    lastError = undefined
    const at = monotonic()
    if (at - swept < 60_000) return
    swept = at
    for (const [name, { forgetAt }] of ends) if (forgetAt < at) ends.delete(name)
  }
  const refusal = (what: string, status: number) =>
    status === 401 || status === 403
      ? new ConfigurationError(
          'config_invalid',
          status === 401
            ? `The server refuses the credential of "revocation" (401): "clientId" or "clientSecret" is wrong, or the secret has expired. \`ntt-auth services create\` makes one, with the scope "revocations:read".`
            : `The server refuses the credential of "revocation" (403): ${what} is for a service with the scope "revocations:read".`,
        )
      : new Error(`${what} answered ${status}, and not as our server does.`)

  const poll = async (over: AbortSignal) => {
    for (let more = true; more; ) {
      const asked = cursor
      const query = asked === null ? '' : `?since=${encodeURIComponent(asked)}`
      const signal = AbortSignal.any([over, AbortSignal.timeout(patience)])
      const response = await fetch(`${baseUrl}/v1/revocations${query}`, { headers, signal, redirect: 'manual' })
      // A cursor that the server no longer takes: from the beginning.
      if (response.status === 422 && cursor !== null) {
        await response.body?.cancel()
        cursor = null
        continue
      }
      if (!response.ok) {
        await response.body?.cancel()
        throw refusal('The revocation feed', response.status)
      }
      const page = (await response.json()) as { cursor: string; items: Revocation[]; more?: boolean }
      for (const item of page.items) learn(item)
      // The stream may have told more while this answer was on its way.
      if (cursor === asked) cursor = page.cursor
      more = page.more === true
      heard()
    }
  }

  const stream = async () => {
    const resumed = cursor === null ? {} : { 'last-event-id': cursor }
    const begun = performance.now()
    const silence = new AbortController()
    const signal = AbortSignal.any([stop.signal, silence.signal])
    const cut = () => silence.abort(new Error('The revocation stream is silent.'))
    let timers: ReturnType<typeof setTimeout>[] = []
    const watch = (ms: number) => {
      for (const each of timers) clearTimeout(each)
      timers = [unref(setTimeout(cut, ms)), unref(setTimeout(doubt, doubtMs))]
    }
    watch(Math.min(patience, silenceMs))
    try {
      const response = await fetch(`${baseUrl}/v1/revocations/stream`, {
        headers: { ...headers, ...resumed, accept: 'text/event-stream' },
        signal,
        redirect: 'manual',
      })
      // A page of something in between (a login, a notice) is no word of our server.
      const isStream = /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '')
      if (!response.ok || !response.body || !isStream) {
        await response.body?.cancel()
        throw refusal('The revocation stream', response.status)
      }
      watch(silenceMs)
      for await (const event of readEvents(response.body)) {
        watch(silenceMs)
        if (event.event === 'revocation') learn(JSON.parse(event.data))
        if (event.id !== undefined) cursor = event.id
        heard()
        streaming = true
        if (performance.now() - begun < provenMs) continue
        proven = true
        brokenStreams = 0
      }
      throw new Error('The revocation stream has ended.')
    } finally {
      for (const each of timers) clearTimeout(each)
      streaming = false
      proven = false
    }
  }
  /** It may be dead: it is asked beside it until it says something again. */
  const doubt = () => {
    streaming = false
    if (!proven) return
    proven = false
    askNow()
  }

  const backoff = (failures: number, most: number) => Math.min(pollMs * 2 ** failures, Math.max(most, pollMs))
  /** Whether it went well. */
  const tried = async (work: (over: AbortSignal) => Promise<void>, over = stop.signal) => {
    try {
      await work(over)
      return true
    } catch (error) {
      if (over.aborted) return false
      lastError = error
      onError(error)
      return false
    }
  }

  /** How long the last answer took: a busy server is not asked the more. */
  let usual = 0
  /**
   * Asks, and again beside it while no answer comes: connections that were kept from before may be dead, and a question
   * that waits on one leaves the next to another. Slower and slower, so that a server that is busy is not made busier.
   */
  const ask = async () => {
    const answered = new AbortController()
    const over = AbortSignal.any([stop.signal, answered.signal])
    const asked: Promise<boolean>[] = []
    const later: AbortController[] = []
    const begun = performance.now()
    let wait = Math.min(Math.max(impatience, usual * 1.5), 3000)
    for (let left = patience; ; left -= wait) {
      const given = new AbortController()
      const signal = AbortSignal.any([over, given.signal])
      asked.push(tried(poll, signal).then((well) => well || Promise.reject()))
      if (asked.length > 1) later.push(given)
      // The first stays, for a server that is slow; a later one that ends takes its dead connection out of use.
      if (later.length === mostAtOnce) {
        later.shift()!.abort()
        wait *= 1.5
      }
      const outcome = Promise.any(asked).catch(() => false)
      const isLast = heardAt === null || left < wait
      const first = asked[0]!.catch(() => false)
      const well = await Promise.race([outcome, isLast ? first : pause(wait, over)])
      if (well === undefined) continue
      if (well) usual = performance.now() - begun
      answered.abort()
      return well
    }
  }
  const followStream = async () => {
    while (!stop.signal.aborted) {
      await tried(stream)
      await pause(backoff(brokenStreams++, mostBetweenStreams) * (0.5 + Math.random() * 0.5))
    }
  }
  /** Also where no stream is to be had, or not for now: the lag stays what it is. */
  const followByAsking = async () => {
    let failures = heardAt === null ? 1 : 0
    let took = 0
    while (!stop.signal.aborted) {
      const interval = backoff(failures, mostBetweenPolls) * (0.9 + Math.random() * 0.1)
      const hurried = new AbortController()
      askNow = () => hurried.abort()
      await pause(Math.max(interval - took, interval / 4), AbortSignal.any([stop.signal, hurried.signal]))
      const begun = performance.now()
      if (!proven && !stop.signal.aborted) failures = (await ask()) ? 0 : failures + 1
      took = performance.now() - begun
    }
  }
  const pause = (ms: number, over = stop.signal) =>
    new Promise<void>((resolve) => {
      const timer = unref(setTimeout(done, ms))
      function done() {
        clearTimeout(timer)
        over.removeEventListener('abort', done)
        resolve()
      }
      over.addEventListener('abort', done)
    })

  const applies = (name: string, claims: Claims) => {
    const end = ends.get(name)
    return end !== undefined && claims.iat * 1000 <= end.before
  }
  return {
    isRevoked(claims, kid) {
      const isOld = stop.signal.aborted || heardAt === null || passed() - heardTick > maxStalenessMs
      if (isOld && whenUnreachable !== 'fail_open') {
        const silent = stop.signal.aborted ? 'the verifier is closed.' : 'the server has not been heard for too long.'
        const why = lastError instanceof ConfigurationError ? lastError.message : silent
        throw new VerifierUnavailableError(`What was revoked is not known: ${why}`, lastError)
      }
      if (ends.size === 0) return false
      const { sid, sub, jti, roles_id = sub } = claims
      return (
        applies(`session ${sid}`, claims) ||
        applies(`user ${sub}`, claims) ||
        applies(`roles ${roles_id}`, claims) ||
        applies(`token ${jti}`, claims) ||
        applies(`key ${kid}`, claims)
      )
    },
    start() {
      started ??= ask().then(() => {
        void followByAsking()
        if (mode === 'stream') void followStream()
      })
      return started
    },
    checkCredential() {
      if (lastError instanceof ConfigurationError) throw lastError
    },
    close: () => stop.abort(),
    status: () => ({ heardAt, size: ends.size, mode: streaming ? 'stream' : 'poll' }),
  }
}

function unref<T>(timer: T): T {
  ;(timer as { unref?: () => void }).unref?.()
  return timer
}
