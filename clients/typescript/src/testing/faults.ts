import { type Check, isFunction } from '../check.ts'
import type { ServerCode } from '../errors/codes.ts'
import { misconfigured } from '../options.ts'
import { problem } from './answers.ts'
import { check, isNumber } from './check.ts'

/**
 * What becomes of a request. `lose_request`: it never arrives. `lose_reply`: the server does it, and nobody learns.
 * `duplicate`: the network doubles it, and the server does it twice.
 * `refuse`: the server itself says that it is too much just now (429 `rate_limited`, 503 `overloaded` or `unavailable`),
 * with `Retry-After` in seconds, 1 if left out. `status`: something on the way answers, with words that are not ours.
 * Others answer in the server's place, too.
 */
export type Fault = { times?: number } & (
  | { do: 'lose_request' | 'lose_reply' | 'duplicate' | 'html' | 'truncate' }
  | { do: 'refuse'; code: 'rate_limited' | 'overloaded' | 'unavailable'; retryAfter?: number }
  | { do: 'status'; status: number; retryAfter?: number | string }
  | { do: 'wait'; until: Promise<unknown> }
  | { do: 'answer'; with: () => Response | Promise<Response> }
)

export type Faults = {
  script(route: string, ...faults: (Fault | 'deliver')[]): void
  always(fault: Fault | null): void
  /** What becomes of the next request; @param names under which it may have been spoken of, the closest first */
  next(names: string[]): Fault | 'deliver'
}

/** Remembers what is to go wrong. */
export function startFaults(): Faults {
  const scripts = new Map<string, { fault: Fault | 'deliver'; left: number }[]>()
  let standing: Fault | null = null
  return {
    script(route, ...faults) {
      if (!/^(\*|([A-Z]+ )?\/[^\s?#]*)$/.test(route)) {
        throw misconfigured(
          `script takes a path ("/v1/auth/login"), a method and a path ("POST /v1/admin/users/{id}/disable"), or "*" for whatever comes next, and not "${route}".`,
        )
      }
      for (const fault of faults) if (fault !== 'deliver') checkFault(fault)
      const more = faults.map((fault) => ({ fault, left: fault === 'deliver' ? 1 : (fault.times ?? 1) }))
      scripts.set(route, [...(scripts.get(route) ?? []), ...more])
    },
    always(fault) {
      if (fault !== null) checkFault(fault)
      standing = fault
    },
    next(names) {
      if (standing) return standing
      const queue = names.map((name) => scripts.get(name)).find((each) => each?.length)
      if (!queue) return 'deliver'
      const [first] = queue
      if (--first!.left <= 0) queue.shift()
      return first!.fault
    },
  }
}

const times: Check = [
  (value) => value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && Number(value) >= 1),
  'be a whole number from 1 on, or Infinity',
]
const codes: ServerCode[] = ['rate_limited', 'overloaded', 'unavailable']
const members: Record<Fault['do'], Record<string, Check>> = {
  lose_request: {},
  lose_reply: {},
  duplicate: {},
  html: {},
  truncate: {},
  refuse: {
    code: [(value) => codes.includes(value as ServerCode), `be ${codes.map((each) => `"${each}"`).join(' or ')}`],
    retryAfter: isNumber(0, true),
  },
  status: {
    status: [(value) => Number.isInteger(value) && Number(value) >= 200 && Number(value) <= 599, 'be from 200 to 599'],
    retryAfter: [(value) => ['number', 'string'].includes(typeof value), 'be seconds, or a text'],
  },
  wait: { until: [(value) => typeof Object(value).then === 'function', 'be a promise'] },
  answer: { with: isFunction },
}
const optional = ['retryAfter', 'times']

/** @throws ConfigurationError */
function checkFault(fault: Fault): void {
  const kind = Object(fault).do as Fault['do']
  if (!Object.hasOwn(members, String(kind))) {
    throw misconfigured(
      `A fault is { do: … } with one of ${Object.keys(members).join(', ')}, and not ${JSON.stringify(fault)}.`,
    )
  }
  const rules = { do: isKind, ...members[kind], times }
  const needed = Object.keys(rules).filter((name) => !optional.includes(name))
  check(`a fault that does "${kind}"`, fault, rules, needed)
}
const isKind: Check = [() => true, '']

/** A connection that breaks, as `fetch` tells of it. */
export function broken(): TypeError {
  return new TypeError('fetch failed')
}

/**
 * Lets a fault happen to a request that arrived.
 * @param issuer who refuses, where the server does
 * @param deliver has the server answer; `arrives` says whether the answer reaches the caller
 */
export async function befall(
  fault: Fault | 'deliver',
  issuer: string,
  deliver: (arrives: boolean) => Promise<Response>,
  signal: AbortSignal | null | undefined,
): Promise<Response> {
  if (fault === 'deliver') return deliver(true)
  switch (fault.do) {
    case 'refuse':
      return problem({ issuer }, fault.code, { retry_after: fault.retryAfter ?? 1 })
    case 'wait':
      await fault.until
      signal?.throwIfAborted()
      return deliver(true)
    case 'answer':
      return fault.with()
    case 'html':
      return new Response('<html>Sign in to the Wi-Fi</html>', { headers: { 'content-type': 'text/html' } })
    case 'status': {
      const after = fault.retryAfter
      const headers = after === undefined ? {} : { 'retry-after': String(after) }
      return new Response('', { status: fault.status, headers })
    }
    case 'lose_request':
      throw broken()
    case 'lose_reply':
      await deliver(false)
      throw broken()
    case 'duplicate':
      return (await Promise.all([deliver(true), deliver(false)]))[0]
    case 'truncate': {
      const answer = await deliver(true)
      return new Response((await answer.text()).slice(0, 20), { status: answer.status, headers: answer.headers })
    }
  }
}
