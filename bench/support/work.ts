import { randomBytes } from 'node:crypto'
import { type Answer, requestBytes } from './connection.ts'

/** What a load generator asks for; plain data, because it is told to another process. */
export type Work =
  | { kind: 'get'; path: string; headers?: Record<string, string> }
  /** A token a request, in turn; the answer must speak of that token's session. */
  | { kind: 'validate'; tokens: { token: string; sessionId: string }[] }
  /** Each connection goes along a chain of its own. */
  | { kind: 'refresh'; tokens: string[] }
  | { kind: 'introspect'; tokens: { token: string; sessionId: string }[]; credentials: string }
  /**
   * `status`: what a right answer has, 200 unless told. `from`: the callers' addresses, as a trusted proxy names them, in
   * turn. `devices`: refresh tokens of earlier sessions, one for each address.
   */
  | { kind: 'login'; emails: string[]; password: string; status?: number; from?: string[]; devices?: string[] }
  | { kind: 'register'; prefix: string; password: string }

/** A request and how its answer is judged: null, or what is wrong. A 429 or 503 with Retry-After is no wrong answer. */
export type Task = { bytes: Buffer; judge(answer: Answer): string | null }

/** @returns the next task of a connection, by its number */
export function tasksOf(work: Work): (connection: number) => Task {
  let turn = 0
  switch (work.kind) {
    case 'get': {
      const task = {
        bytes: requestBytes('GET', work.path, work.headers),
        judge: ({ status }: Answer) => expectStatus(status, 200),
      }
      return () => task
    }
    case 'validate': {
      const tasks = work.tokens.map(({ token, sessionId }) => ({
        bytes: requestBytes('GET', '/v1/auth/validate', { authorization: `Bearer ${token}` }),
        judge: ({ status, body }: Answer) =>
          expectStatus(status, 200) ?? (body.includes(sessionId) ? null : 'It speaks of another session.'),
      }))
      return () => tasks[turn++ % tasks.length]!
    }
    case 'introspect': {
      const authorization = `Basic ${Buffer.from(work.credentials).toString('base64')}`
      const tasks = work.tokens.map(({ token, sessionId }) => ({
        bytes: requestBytes('POST', '/oauth2/introspect', {
          authorization,
          'content-type': 'application/x-www-form-urlencoded',
          body: `token=${token}`,
        }),
        judge: ({ status, body }: Answer) =>
          expectStatus(status, 200) ?? (body.includes(sessionId) ? null : 'It speaks of another session.'),
      }))
      return () => tasks[turn++ % tasks.length]!
    }
    case 'refresh': {
      const chains = work.tokens.map(chainOf)
      return (connection) => chains[connection % chains.length]!()
    }
    case 'login': {
      const wanted = work.status ?? 200
      const addresses = work.from ?? [null]
      let caller = 0
      const tasks = work.emails.map((email, index) => ({
        get bytes() {
          const address = addresses[caller++ % addresses.length]
          const body = { email, password: work.password, ...(work.devices && { refresh_token: work.devices[index] }) }
          return post('/v1/auth/login', body, address ? { 'x-forwarded-for': address } : {})
        },
        judge: ({ status, body }: Answer) =>
          expectStatus(status, wanted) ??
          (wanted !== 200 || body.includes(email) ? null : 'It speaks of another user.'),
      }))
      return () => tasks[turn++ % tasks.length]!
    }
    case 'register': {
      return () => {
        const email = `${work.prefix}-${turn++}@example.com`
        return {
          bytes: post('/v1/auth/register', { email, password: work.password }),
          judge: ({ status, body }) =>
            expectStatus(status, 201) ?? (body.includes(email) ? null : 'It speaks of another user.'),
        }
      }
    }
  }
}

const json = 'application/json'

function post(path: string, body: unknown, headers: Record<string, string> = {}): Buffer {
  return requestBytes('POST', path, { 'content-type': json, ...headers, body: JSON.stringify(body) })
}

function expectStatus(status: number, wanted: number): string | null {
  return status === wanted ? null : `It answered ${status} instead of ${wanted}.`
}

/** Chains by their first token: a later run goes on where an earlier one stopped. */
const chains = new Map<string, () => Task>()

function chainOf(first: string): () => Task {
  const chain = chains.get(first) ?? refreshChain(first)
  chains.set(first, chain)
  return chain
}

function refreshChain(first: string): () => Task {
  let token = first
  let generation: number | null = null
  return () => ({
    bytes: requestBytes('POST', '/v1/auth/refresh', {
      'content-type': json,
      'refresh-key': randomBytes(16).toString('base64url'),
      body: JSON.stringify({ refresh_token: token }),
    }),
    judge({ status, body }) {
      const wrong = expectStatus(status, 200)
      if (wrong) return wrong
      const answer = JSON.parse(body)
      if (generation !== null && answer.generation !== generation + 1) return 'It is not the next generation.'
      generation = answer.generation
      token = answer.refresh_token
      return null
    },
  })
}
