import type { User } from '../contract.ts'
import { misconfigured } from '../options.ts'
import { accountAt, addAccount, type NewUser } from './accounts.ts'
import type { SeenRequest } from './call.ts'
import { befall, broken, type Fault, startFaults } from './faults.ts'
import type { TokenMint } from './mint.ts'
import { checkOptions, checkSelection, checkUser } from './options.ts'
import { answer, namesOf } from './routes.ts'
import { endSession } from './sessions.ts'
import { type EndReason, type Mail, type MockServerOptions, openWorld } from './world.ts'

/** A server in memory, and what tests do to it. */
export type MockAuthServer = {
  /** Give it to the client as its `fetch`. */
  readonly fetch: typeof fetch
  /** Its address: give it to the client as `baseUrl`. */
  readonly issuer: string
  /** Every request that arrived, in order. */
  readonly requests: SeenRequest[]
  /** How many requests went there; `route` as for `script`. */
  count(route: string): number
  /**
   * What becomes of the next requests there, in order; those after them are answered. A fault happens `times`, once if
   * left out.
   * @param route a path, with or without a method before it, also as the contract writes it
   *   (`POST /v1/admin/users/{id}/disable`); `*` for whatever comes next
   */
  script(route: string, ...faults: (Fault | 'deliver')[]): void
  /** What becomes of every request until it is taken back by null. */
  always(fault: Fault | null): void
  /** Any password will do; those who register or change theirs are held to the server's rules. */
  addUser(input: NewUser): User
  /** Ends a session, or all of a user, as an administrator would. */
  endSessions(of: { sessionId?: string; userId?: string }, reason?: EndReason): void
  /** What was mailed, in order. */
  readonly mails: readonly Mail[]
  /** The refresh token that a browser would hold in a cookie; requests that include credentials send it. */
  cookie(): string | null
  /** How a session stands; undefined where there is none of that id. */
  session(id: string): { generation: number; ended: string | null } | undefined
  /** Signs access tokens, and the keys to check them. */
  readonly tokens: TokenMint
}

/**
 * NTT Auth in memory, with the refresh protocol and faults on demand: for tests without a network. It answers what
 * `AuthClient`, `createServerClient`, `createVerifier` and the `users` of `createAdmin` ask, as the server does: wrong
 * passwords in a row make wait, too. It has no other limits, no list of common passwords, and no stream of revocations:
 * verifiers poll.
 * @throws ConfigurationError for an option that there is not, or that cannot be meant
 */
export function mockAuthServer(options: MockServerOptions = {}): MockAuthServer {
  checkOptions(options)
  checkSurroundings()
  const world = openWorld(options)
  const { issuer, mails, sessions, tokens } = world
  const faults = startFaults()
  const requests: SeenRequest[] = []
  /** What a browser would hold. */
  let cookie: string | null = null

  return {
    issuer,
    requests,
    mails,
    tokens,
    script: faults.script,
    always: faults.always,
    count: (route) => requests.filter((each) => namesOf(each).includes(route)).length,
    cookie: () => cookie,
    session: (id) => sessions.get(id),
    endSessions(of, reason = 'admin') {
      checkSelection(of)
      const { sessionId, userId } = of
      for (const each of sessions.values()) {
        if (each.id === sessionId || each.userId === userId) endSession(world, each, reason)
      }
    },
    addUser(input) {
      checkUser(input)
      if (accountAt(world, input.email)) throw misconfigured(`addUser: there is a user with ${input.email} already.`)
      return addAccount(world, input).user
    },
    async fetch(input, init) {
      const request = new Request(input, init)
      const { pathname, search } = new URL(request.url)
      const fault = faults.next(namesOf({ method: request.method, path: pathname }))
      if (fault !== 'deliver' && fault.do === 'lose_request') throw broken()
      const body = parsed(await request.text())
      const inBrowser = request.credentials === 'include'
      const sent = inBrowser ? cookie : null
      const seen = { method: request.method, path: pathname + search, headers: request.headers, body }
      requests.push(seen)
      const deliver = async (arrives: boolean) => {
        const response = await answer(world, seen, sent)
        const set = world.cookies.get(response)
        if (arrives && inBrowser && set !== undefined) cookie = set
        return response
      }
      return befall(fault, issuer, deliver, init?.signal)
    },
  }
}

/** Said here, because a client would take it for a network that is gone. @throws ConfigurationError */
function checkSurroundings(): void {
  if (typeof Request === 'function' && typeof Response === 'function' && globalThis.crypto?.subtle) return
  throw misconfigured(
    'mockAuthServer needs Request, Response and crypto.subtle, which jest-environment-jsdom hides: "Test your app" in the README gives them back.',
  )
}

/** What is no JSON is no body. */
function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text || '{}')
  } catch {
    return [] as never
  }
}
