import type { ReadClaims } from './mint.ts'
import type { Account, MockSession, World } from './world.ts'

/** A request that arrived; `path` with its query, `body` the JSON in it. */
export type SeenRequest = { method: string; path: string; headers: Headers; body: Record<string, unknown> }

/** A request that was led to its route. */
export type Call = SeenRequest & {
  /** As the contract names it: `GET /v1/users/me`. */
  route: string
  params: Record<string, string>
  query: URLSearchParams
  /** The refresh token that came in a cookie. */
  cookie: string | null
}

/** Who is logged in. */
export type Caller = { account: Account; session: MockSession; claims: ReadClaims }

type Answering = Response | Promise<Response>
export type Handler = (world: World, call: Call) => Answering
export type PersonalHandler = (world: World, call: Call, caller: Caller) => Answering
/** Null: a service calls. */
export type AdminHandler = (world: World, call: Call, caller: Caller | null) => Answering
