import { parseCookie, type SetCookie, stringifySetCookie } from 'cookie'
import type { App } from '../app.ts'
import { AppError } from '../errors.ts'
import type { Tokens } from '../flows/issue-tokens.ts'
import type { Answer } from './route.ts'
import { tokensView } from './views.ts'

/** How a session rides in a browser, and why no other site can ride along. */

/** Where the refresh token travels: in the answer's body, or in a cookie that no script can read. */
export type Delivery = 'body' | 'cookie'

/** The prefix binds it to this host: no subdomain and no plain HTTP can set or read it (RFC 6265bis §4.1.3.2). */
export const cookieName = '__Host-ntt-auth'

const attributes = { path: '/', secure: true, httpOnly: true, sameSite: 'strict' } as const satisfies Partial<SetCookie>

type Request = { app: App; header(name: string): string | undefined }

/**
 * The refresh token in the cookie of a browser, or null.
 * @throws AppError `origin_not_allowed` when there is one, but another page asks
 */
export function tokenInCookie(request: Request): string | null {
  const token = parseCookie(request.header('cookie') ?? '')[cookieName]
  if (token === undefined) return null
  checkPage(request)
  return token
}

/** Whether the browser's cookie is one of this session, or of none. */
export function holdsCookieOf({ app, header }: Request, sessionId: string | undefined): boolean {
  const token = parseCookie(header('cookie') ?? '')[cookieName]
  if (token === undefined) return false
  const read = app.refreshTokens.read(token)
  return read === null || read.sessionId === sessionId
}

/**
 * `SameSite=Strict` keeps other sites out, this keeps out other origins of our own site. Browsers name the origin with
 * every POST; who names none is no page and has no use for a cookie.
 * @throws AppError `origin_not_allowed`
 */
export function checkPage({ app, header }: Request): void {
  const { publicUrl, corsOrigins } = app.config
  const origin = header('origin')
  const isOurs = origin !== undefined && [new URL(publicUrl).origin, ...corsOrigins].includes(origin)
  if (!isOurs) {
    const asked =
      origin === undefined ? 'The request names no Origin' : `Pages of ${origin.slice(0, 200)} may not use it`
    throw new AppError('origin_not_allowed', {
      detail: `${asked}; add the origin of the page to NTT_AUTH_CORS_ORIGINS.`,
    })
  }
  // The browser would neither keep nor send it there, and the page would wonder.
  if (header('sec-fetch-site') === 'cross-site') {
    const detail = 'A cookie is for pages of the same site: serve the page and this server under one domain.'
    throw new AppError('origin_not_allowed', { detail })
  }
}

/** The tokens, with the refresh token where the caller wants it. */
export function tokensAnswer(status: number, tokens: Tokens, delivery: Delivery): Answer {
  const { refresh_token, ...rest } = tokensView(tokens)
  if (delivery === 'body') return { status, body: { ...rest, refresh_token } }
  return { status, body: rest, headers: setCookie(refresh_token, tokens.refreshExpiresIn) }
}

/** Has the browser forget the token. */
export function forgetCookie(): Record<string, string> {
  return setCookie('', 0)
}

function setCookie(value: string, maxAge: number): Record<string, string> {
  return { 'set-cookie': stringifySetCookie({ name: cookieName, value, maxAge, ...attributes }) }
}
