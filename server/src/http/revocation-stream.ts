import { Readable } from 'node:stream'
import type { App } from '../app.ts'
import type { RevocationRow } from '../domain/revocations/store.ts'
import { isOldPlace, knownPlace, readNews } from '../flows/read-revocations.ts'
import { revocationView } from './views.ts'

/** What waits for a reader besides the shared rows of the feed; more is not even written. */
const buffered = 16 * 1024
const itemsPerChunk = 100
/** A stream that was ended and is not read is closed after this. */
const patience = 1000

/**
 * The feed as server-sent events, written only as fast as the reader takes it: who is slow keeps nothing here but a
 * place, and catches up from the rows that all share, or from the database. Who stops reading is dropped
 * (`chores/watch-followers.ts`).
 * @param since the place the client had come to; null when it comes for the first time
 * @param heartbeat milliseconds after which a silent stream says that it is alive: a connection that died without a word
 * is silent as well, and a client that hears nothing for longer asks, so this is within the two seconds that a revocation may take
 */
export function revocationStream(app: App, secretId: string, since: number | null, heartbeat = 1000): Readable {
  let position = since ?? 0
  let restarts = app.feed.restarts()
  let isLive = false
  let isPumping = false
  let stalledAt: number | null = null
  let ending: string | null = null
  let isStirred = false
  let wake = () => {}
  /** Something has changed: whoever waits, or is about to, looks again. */
  const stir = () => {
    isStirred = true
    wake()
  }

  const stream = new Readable({
    highWaterMark: buffered,
    read() {
      stalledAt = null
      if (!isPumping) void pump()
    },
    destroy(error, done) {
      leave()
      stopListening()
      stir()
      done(error)
    },
  })
  const stopListening = app.feed.listen(stir)
  const leave = app.followers.join({
    secretId,
    isLive: () => isLive,
    position: () => position,
    stalled: () => (stalledAt === null ? 0 : performance.now() - stalledAt),
    end(why) {
      ending ??= why
      stir()
      setTimeout(() => stream.destroy(), patience).unref()
    },
    drop: () => void stream.destroy(),
  })

  async function pump(): Promise<void> {
    isPumping = true
    try {
      for (const first of await greeting()) stream.push(first)
      while (!stream.destroyed) {
        if (ending !== null) {
          stream.push(`: ${ending}\n\n`)
          stream.push(null)
          return
        }
        if (stream.push(await next())) continue
        stalledAt = performance.now()
        return
      }
    } catch (error) {
      app.log.warn({ err: error, event: 'stream_failed' })
      stream.destroy()
    } finally {
      isPumping = false
    }
  }

  let isGreeted = false
  async function greeting(): Promise<string[]> {
    if (isGreeted) return []
    isGreeted = true
    // The first bytes carry the headers: the client must not wait for the first revocation to see that it is in.
    const hello = 'retry: 1000\n\n'
    if (since === null) return [hello, snapshot()]
    const place = await knownPlace(app, since)
    return place === since && !isOldPlace(app, since) ? [hello] : [hello, snapshot()]
  }

  /** Tells that what follows is everything, because what the client had may not lead up to it. */
  function snapshot(): string {
    position = 0
    isLive = false
    return `event: snapshot\nid: ${app.feedCursors.mint(0)}\ndata: {}\n\n`
  }

  /** The next piece, as soon as there is one. */
  async function next(): Promise<string> {
    isStirred = false
    if (app.feed.restarts() !== restarts) {
      restarts = app.feed.restarts()
      return snapshot()
    }
    const head = app.feed.head()
    const rows = await readNews(app, position, itemsPerChunk)
    if (rows.length > 0) return written(rows)
    position = Math.max(position, head)
    isLive = true
    return wait()
  }

  function written(rows: RevocationRow[]): string {
    const now = app.clock.now()
    let text = ''
    for (const [index, row] of rows.entries()) {
      // Rows may share a place. Whoever is cut off among them must get the rest of them, so only the last one tells it.
      if (rows[index + 1]?.position !== row.position) position = row.position
      if (row.until_at <= now) continue
      const data = JSON.stringify(revocationView(row))
      text += `id: ${app.feedCursors.mint(position)}\nevent: revocation\ndata: ${data}\n\n`
    }
    return text === '' ? ': lapsed\n\n' : text
  }

  /** Until there is news, or it is time to show that the connection is alive. */
  function wait(): Promise<string> {
    if (isStirred) return Promise.resolve('')
    return new Promise((resolve) => {
      const done = (text: string) => {
        clearTimeout(timer)
        wake = () => {}
        resolve(text)
      }
      const timer = setTimeout(done, heartbeat, ': alive\n\n').unref()
      wake = () => done('')
    })
  }

  return stream
}
