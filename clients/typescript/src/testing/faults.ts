/**
 * What becomes of a request. `lose_request`: it never arrives. `lose_reply`: the server does it, and nobody learns.
 * Others answer in the server's place.
 */
export type Fault =
  | { do: 'lose_request' | 'lose_reply' | 'html' | 'truncate' }
  | { do: 'status'; status: number; retryAfter?: number | string }
  | { do: 'wait'; until: Promise<unknown> }
  | { do: 'answer'; with: () => Response }

export type Faults = {
  script(path: string, ...faults: (Fault | 'deliver')[]): void
  always(fault: Fault | null): void
  /** What becomes of the next request to a path. */
  next(path: string): Fault | 'deliver'
}

/** Remembers what is to go wrong. */
export function startFaults(): Faults {
  const scripts = new Map<string, (Fault | 'deliver')[]>()
  let standing: Fault | null = null
  return {
    script: (path, ...faults) => void scripts.set(path, [...(scripts.get(path) ?? []), ...faults]),
    always(fault) {
      standing = fault
    },
    next: (path) => standing ?? scripts.get(path)?.shift() ?? 'deliver',
  }
}

/** A connection that breaks, as `fetch` tells of it. */
export function broken(): TypeError {
  return new TypeError('fetch failed')
}

/**
 * Lets a fault happen to a request that arrived.
 * @param deliver has the server answer; `arrived` says whether the answer reaches the caller
 */
export async function befall(
  fault: Fault | 'deliver',
  deliver: (arrived: boolean) => Promise<Response>,
  signal: AbortSignal | null | undefined,
): Promise<Response> {
  if (fault === 'deliver') return deliver(true)
  switch (fault.do) {
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
    case 'truncate': {
      const answer = await deliver(true)
      return new Response((await answer.text()).slice(0, 20), { status: answer.status, headers: answer.headers })
    }
  }
}
