import type { CookieAttributes, Cookies } from './cookie-storage.ts'
import { type NodeResponse, sayLast } from './last-word.ts'

/** What is used of a request of `node:http`, Express or Fastify (`request.raw`). */
export type NodeRequest = { headers: { cookie?: string | undefined } }

/** The headers of an answer. */
export type AnswerHeaders = {
  /** The value set so far; null where there is none. */
  get(name: string): string | null
  /** Replaces it. */
  set(name: string, value: string): void
  /** As `set`, but it stays so whatever is set later: for an answer that carries the cookie. Without it `set` is called. */
  setLast?(name: string, value: string): void
}

/** For `createServerClient({ ...nodeCookies(request, response) })`. */
export function nodeCookies(
  request: NodeRequest,
  response: NodeResponse,
): { cookies: Cookies; headers: AnswerHeaders } {
  const setCookies = () => [response.getHeader('set-cookie') ?? []].flat().map(String)
  return {
    cookies: {
      get: (name) => cookieNamed(name, request.headers.cookie),
      set(name, value, attributes) {
        const write = () => {
          const others = setCookies().filter((each) => !each.startsWith(`${name}=`))
          response.setHeader('set-cookie', [...others, serialize(name, value, attributes)])
        }
        write()
        // Whoever sets a cookie of his own later would take this one away.
        sayLast(response, `cookie ${name}`, write)
      },
      canWrite: () => !response.headersSent,
    },
    headers: {
      get: (name) => [response.getHeader(name) ?? []].flat().join(', ') || null,
      set: (name, value) => void response.setHeader(name, value),
      setLast(name, value) {
        response.setHeader(name, value)
        sayLast(response, name, () => response.setHeader(name, value))
      },
    },
  }
}

/**
 * For frameworks that hand out a `Request` and let you add headers to the answer (Hono, SvelteKit, Remix).
 * @param headers of the answer; what is made of them later goes through `noStore`
 */
export function webCookies(request: Request, headers: Headers): { cookies: Cookies; headers: AnswerHeaders } {
  return {
    cookies: {
      get: (name) => cookieNamed(name, request.headers.get('cookie') ?? undefined),
      set(name, value, attributes) {
        const others = headers.getSetCookie().filter((each) => !each.startsWith(`${name}=`))
        headers.delete('set-cookie')
        for (const each of [...others, serialize(name, value, attributes)]) headers.append('set-cookie', each)
      },
    },
    headers: {
      get: (name) => headers.get(name),
      set: (name, value) => headers.set(name, value),
      setLast(name, value) {
        headers.set(name, value)
        pin(headers, name)
      },
    },
  }
}

/**
 * The last step of an answer that was made with `webCookies`: when it sets a cookie no cache may keep it, whatever else
 * its headers say.
 * @returns the same answer, or one with the same body
 */
export function noStore(answer: Response): Response {
  if (answer.headers.getSetCookie().length === 0 || answer.headers.get('cache-control') === outOfCaches) return answer
  const changed = new Response(answer.body, answer)
  changed.headers.set('cache-control', outOfCaches)
  return changed
}

/** The Cache-Control of what no cache may keep. */
export const outOfCaches = 'private, no-store'

/** That header of this object can no longer be changed. */
function pin(headers: Headers, pinned: string): void {
  for (const method of ['set', 'append', 'delete'] as const) {
    const change = headers[method].bind(headers) as (name: string, ...rest: string[]) => void
    headers[method] = (name: string, ...rest: string[]) => {
      if (name.toLowerCase() !== pinned) change(name, ...rest)
    }
  }
}

/** Our own value needs no decoding, and those of others do not matter. */
function cookieNamed(name: string, header = ''): string | undefined {
  for (const each of header.split(';')) {
    const [key, value] = each.split('=')
    if (key!.trim() === name) return value?.trim()
  }
  return undefined
}

function serialize(name: string, value: string, { path, secure, maxAge }: CookieAttributes): string {
  return `${name}=${value}; Max-Age=${maxAge}; Path=${path}; HttpOnly;${secure ? ' Secure;' : ''} SameSite=Lax`
}
