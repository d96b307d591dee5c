import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import type { SessionInfo, User } from '../contract.ts'
import { startIds } from './ids.ts'
import { startTokenMint, type TokenMint } from './mint.ts'

/** What the mock server is like. */
export type MockServerOptions = {
  /** Its time; give it to the client as well. Default: the machine’s. */
  clock?: Clock
  /** Where it pretends to be. Default `https://auth.test`. */
  issuer?: string
  /** Seconds. Default 900. */
  accessTokenTtl?: number
  /** How far the server's clock is ahead of yours, in milliseconds. */
  skewMs?: number
  /** Seconds between the wish to be deleted and the deletion. Default 0: at once. */
  deletionDelay?: number
  /** Whether it can mail. Otherwise links stand in what administrators are answered. Default true. */
  mail?: boolean
  /** Whether wrong passwords in a row make the next one wait, as `docs/throttling.md` has it. Default true. */
  rateLimits?: boolean
}

/** What a mailed link is for. */
export type Purpose = 'reset_password' | 'invitation' | 'verify_email' | 'change_email'
/** A mail that would have been sent: `to` an address, with the `token` of its link. */
export type Mail = { to: string; purpose: Purpose; token: string }

/** A one-time token. */
export type Link = Mail & { userId: string; expiresAt: number; mailed: boolean; used: boolean }

export type Account = {
  user: User
  /** Null: invited, and has not chosen one yet. */
  password: string | null
  /** When it was chosen; milliseconds since 1970. */
  passwordSince: number
  /** When it goes, by its owner's wish. */
  deletionDueAt: number | null
  /** Of the roles as they were given: access tokens that speak of another giving are dead. */
  rolesId: string
}

/** Why a session ended, as the server names it. */
export type EndReason = NonNullable<SessionInfo['end_reason']>

export type MockSession = {
  id: string
  userId: string
  generation: number
  redeemers: string[]
  ended: EndReason | null
  endedAt: number
  createdAt: number
  device: string | null
}

/** Wrong passwords in a row. */
export type Guesses = { failures: number; lastAt: number }

/** As the feed tells it. */
export type Revocation = {
  kind: 'session' | 'roles'
  id: string
  before: string
  until: string
  reason: string
  revoked_at: string
}

/** What the server knows. */
export type World = Required<Omit<MockServerOptions, 'clock' | 'skewMs'>> & {
  /** By the server's clock. */
  now(): number
  newId(): string
  readonly tokens: TokenMint
  /** By id, oldest first. */
  readonly accounts: Map<string, Account>
  readonly sessions: Map<string, MockSession>
  readonly links: Link[]
  readonly mails: Mail[]
  /** By whose they are. */
  readonly guesses: Map<string, Guesses>
  readonly revocations: Revocation[]
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
    mail = true,
    rateLimits = true,
  } = options
  const now = () => clock.wall() + skewMs
  const idAt = startIds()
  return {
    issuer,
    accessTokenTtl,
    deletionDelay,
    mail,
    rateLimits,
    now,
    newId: () => idAt(now()),
    tokens: startTokenMint({ issuer, ttl: accessTokenTtl, now }),
    accounts: new Map(),
    sessions: new Map(),
    links: [],
    mails: [],
    guesses: new Map(),
    revocations: [],
    cookies: new WeakMap(),
  }
}

/** As it goes over the wire. */
export function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
