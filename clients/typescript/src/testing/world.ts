import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import type { User } from '../contract.ts'
import { startTokenMint, type TokenMint } from './mint.ts'

export type MockServerOptions = {
  clock?: Clock
  /** Where it pretends to be. Default `https://auth.test`. */
  issuer?: string
  /** Seconds. Default 900. */
  accessTokenTtl?: number
  /** How far the server's clock is ahead of yours, in milliseconds. */
  skewMs?: number
  /** Seconds between the wish to be deleted and the deletion. Default 0: at once. */
  deletionDelay?: number
}

export type Mail = { to: string; purpose: 'reset_password' | 'verify_email' | 'change_email'; token: string }

export type Account = { user: User; password: string }

export type MockSession = {
  id: string
  userId: string
  generation: number
  redeemers: string[]
  ended: string | null
  endedAt: number
  createdAt: number
  device: string | null
}

/** What the server knows. */
export type World = Required<Pick<MockServerOptions, 'issuer' | 'accessTokenTtl' | 'deletionDelay'>> & {
  /** By the server's clock. */
  now(): number
  readonly tokens: TokenMint
  /** By address. */
  readonly accounts: Map<string, Account>
  readonly sessions: Map<string, MockSession>
  readonly mails: (Mail & { userId: string; used?: true })[]
  readonly revocations: { kind: 'session'; id: string; before: string; until: string }[]
  /** What becomes of the cookie with an answer: a refresh token, or null where it is taken away. */
  readonly cookies: WeakMap<Response, string | null>
}

export function openWorld(options: MockServerOptions): World {
  const {
    clock = systemClock,
    issuer = 'https://auth.test',
    accessTokenTtl = 900,
    skewMs = 0,
    deletionDelay = 0,
  } = options
  const now = () => clock.wall() + skewMs
  return {
    issuer,
    accessTokenTtl,
    deletionDelay,
    now,
    tokens: startTokenMint({ issuer, ttl: accessTokenTtl, now }),
    accounts: new Map(),
    sessions: new Map(),
    mails: [],
    revocations: [],
    cookies: new WeakMap(),
  }
}
