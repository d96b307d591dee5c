import { randomInt } from 'node:crypto'
import type { RedisClientType } from '@redis/client'
import { readAuthority } from '../../certificates.ts'
import type { Counted, Refusal } from './take.ts'

/** Where Redis is, as its URL says. */
export type RedisServer = {
  host: string
  port: number
  tls: boolean
  caFile: string | null
  user: string | null
  password: string | null
  database: number
}

type Rates = Counted['rates']

/** Buckets in Redis or Valkey: for rates only, never for guesses, because a lock must survive everything. */
export type RedisBuckets = {
  /** Loads the library and begins to connect; waits for no server. */
  open(): Promise<void>
  /** All of these are filled, or none and what refuses; null when Redis cannot be asked now. */
  fill(rates: Rates, now: number): Promise<'passed' | Refusal | null>
  /** Takes out again what one call put in, if Redis is there. */
  drain(rates: Rates): Promise<void>
  isUp(): boolean
  close(): void
}

/** One who asks waits no longer, and is then counted elsewhere. */
const patience = 500
const lookEvery = 1000
/** A connection on which nothing comes any more is closed. */
const silence = 10_000

/** What `judgeRate` says, for all buckets of a call in one step. */
const fillScript = `
local now = tonumber(ARGV[1])
local levels = {}
for i, key in ipairs(KEYS) do
  local burst, every = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local level = (tonumber(redis.call('GET', key)) or now) - now
  if level < 0 or level > burst * every + 60000 then level = 0 end
  local wait = level - (burst - 1) * every
  if wait > 0 then return {i, wait} end
  levels[i] = level + every
end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.0f', now + levels[i]), 'PX', string.format('%.0f', levels[i] + 60000))
end
return {0, 0}`

const drainScript = `
for i, key in ipairs(KEYS) do
  local empty = tonumber(redis.call('GET', key))
  if empty then redis.call('SET', key, string.format('%.0f', empty - tonumber(ARGV[i])), 'KEEPTTL') end
end
return 0`

/**
 * While Redis is away nobody waits for it: it is looked after in the background, and every call counts elsewhere.
 * @param tell what became of it, once each time it changes
 */
export function redisBuckets(server: RedisServer, tell: { away(error: unknown): void; back(): void }): RedisBuckets {
  let client: RedisClientType | null = null
  let up = false
  let toldAway = false
  let looking: NodeJS.Timeout | undefined
  let closed = false

  function away(error: unknown): void {
    up = false
    if (closed || toldAway) return
    toldAway = true
    tell.away(error)
  }

  async function look(): Promise<void> {
    try {
      // Not PING, which answers as well where nothing can be written.
      if (client?.isReady) await client.set(`${prefix}look`, '1', { PX: lookEvery })
      up = client?.isReady ?? false
      if (up && toldAway) tell.back()
      if (up) toldAway = false
    } catch (error) {
      away(error)
    }
    // One look at a time: those that are not answered must not pile up.
    if (!closed) looking = setTimeout(look, lookEvery).unref()
  }

  /** @returns null when it is not answered in time */
  async function ask<T>(work: (client: RedisClientType) => Promise<T>): Promise<T | null> {
    if (!up || !client?.isReady) return null
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const giveUp = () => reject(new Error(`Redis has not answered for ${patience} ms.`))
      // An answer may lie in the socket already, where this process was busy itself: it is read first.
      timer = setTimeout(() => setImmediate(giveUp), patience)
    })
    try {
      return await Promise.race([work(client), late])
    } catch (error) {
      away(error)
      return null
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    async open() {
      // As a whole: once bundled, a package in CommonJS has no names of its own.
      const { createClient } = (await import('@redis/client')).default
      const { host, port, tls, caFile } = server
      const ca = caFile === null ? {} : { ca: readAuthority(caFile, 'NTT_AUTH_REDIS_URL') }
      client = createClient({
        socket: {
          host,
          port,
          ...(tls && { tls: true, ...ca }),
          connectTimeout: 2000,
          socketTimeout: silence,
          reconnectStrategy: (tries: number) => Math.min(2000, 50 * 2 ** tries) + randomInt(100),
        },
        ...(server.user !== null && { username: server.user }),
        ...(server.password !== null && { password: server.password }),
        database: server.database,
        disableOfflineQueue: true,
      }) as RedisClientType
      client.on('error', away)
      client.on('ready', () => {
        clearTimeout(looking)
        void look()
      })
      client.connect().catch(away)
      void look()
    },
    async fill(rates, now) {
      const args = rates.flatMap(({ rate }) => [String(rate.burst), String(rate.every)])
      const keys = rates.map(({ name }) => prefix + name)
      const answer = await ask((it) => it.sendCommand(scriptCall(fillScript, keys, [String(now), ...args])))
      if (answer === null) return null
      const [at, wait] = answer as unknown as [number, number]
      if (at === 0) return 'passed'
      const { name, limiter, rate } = rates[at - 1]!
      return { name, limiter, rate, wait }
    },
    async drain(rates) {
      const keys = rates.map(({ name }) => prefix + name)
      const spans = rates.map(({ rate }) => String(rate.every))
      await ask((it) => it.sendCommand(scriptCall(drainScript, keys, spans)))
    },
    isUp: () => up,
    close() {
      closed = true
      up = false
      clearTimeout(looking)
      client?.destroy()
    },
  }
}

/** One of the constant scripts above, which Redis runs as one step. */
function scriptCall(script: string, keys: string[], args: string[]): string[] {
  return ['EVAL', script, String(keys.length), ...keys, ...args]
}

/** All in one slot of a cluster, so that one step may fill several. */
const prefix = '{ntt-auth}:'
