import type { CookieAttributes, Cookies } from './cookie-storage.ts'

/** What is used of a request of `node:http`, Express or Fastify (`request.raw`). */
export type NodeRequest = { headers: { cookie?: string | undefined } }
/** What is used of an answer of `node:http`, Express or Fastify (`reply.raw`). */
export type NodeResponse = {
  readonly headersSent: boolean
  getHeader(name: string): number | string | string[] | undefined
  setHeader(name: string, value: string | string[]): unknown
}

type HeaderBag = { get(name: string): string | null; set(name: string, value: string): void }

/** For `createServerClient({ ...nodeCookies(request, response) })`. */
export function nodeCookies(request: NodeRequest, response: NodeResponse): { cookies: Cookies; headers: HeaderBag } {
  const setCookies = () => [response.getHeader('set-cookie') ?? []].flat().map(String)
  return {
    cookies: {
      get: (name) => cookieNamed(name, request.headers.cookie),
      set(name, value, attributes) {
        const others = setCookies().filter((each) => !each.startsWith(`${name}=`))
        response.setHeader('set-cookie', [...others, serialize(name, value, attributes)])
      },
      canWrite: () => !response.headersSent,
    },
    headers: {
      get: (name) => [response.getHeader(name) ?? []].flat().join(', ') || null,
      set: (name, value) => void response.setHeader(name, value),
    },
  }
}

/** For frameworks that hand out a `Request` and let you add headers to the answer (Hono, SvelteKit, Remix). */
export function webCookies(request: Request, headers: Headers): { cookies: Cookies; headers: HeaderBag } {
  return {
    cookies: {
      get: (name) => cookieNamed(name, request.headers.get('cookie') ?? undefined),
      set(name, value, attributes) {
        const others = headers.getSetCookie().filter((each) => !each.startsWith(`${name}=`))
        headers.delete('set-cookie')
        for (const each of [...others, serialize(name, value, attributes)]) headers.append('set-cookie', each)
      },
    },
    headers,
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
