import { Type } from 'typebox'
import type { App } from '../../app.ts'
import { AppError } from '../../errors.ts'
import { authenticateOrAsk } from '../../flows/authenticate.ts'
import { logout, type ShownSession } from '../../flows/logout.ts'
import { forgetCookie, holdsCookieOf, tokenInCookie } from '../cookies.ts'
import { bearerToken } from '../guards.ts'
import { type RequestContext, route } from '../route.ts'

export const logoutRoute = route({
  summary: 'Log out',
  description:
    'By refresh token (of any generation), by access token or by cookie; 204 again and again, also for tokens nobody knows. Scope ' +
    '"others" ends the other sessions of the user, "all" every one.',
  tag: 'Authentication',
  who: 'session',
  bodyOptional: true,
  body: Type.Object(
    {
      refresh_token: Type.Optional(Type.String({ minLength: 1, maxLength: 512, description: 'the refresh token.' })),
      scope: Type.Optional(
        Type.Union([Type.Literal('this'), Type.Literal('others'), Type.Literal('all')], {
          description: 'one of "this", "others", "all".',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  example: { scope: 'this' },
  answers: { 204: { description: 'Logged out.' } },
  errors: ['unauthenticated', 'origin_not_allowed'],
  async handle(request) {
    const scope = request.body.scope ?? 'this'
    const shown = await shownIn(request)
    await logout(request.app, request.act, shown, scope)
    const isOver = scope !== 'others' && holdsCookieOf(request, shown?.id)
    return { status: 204, ...(isOver && { headers: forgetCookie() }) }
  },
})

type Request = RequestContext<{ refresh_token?: string }, undefined, undefined>

/** The session of the token that was sent; null when it is no good, which is no error here. */
async function shownIn(request: Request): Promise<ShownSession | null> {
  const { app, body, header } = request
  if (body.refresh_token !== undefined) return shownBy(app, body.refresh_token)
  const sent = header('authorization')
  // Of another scheme it says nothing of a session: a proxy on the way may have put it there.
  const authorization = sent !== undefined && /^Bearer(\s|$)/i.test(sent) ? sent : undefined
  const session = authorization === undefined ? null : await ofAccessToken(app, authorization)
  if (session) return session
  const inCookie = tokenInCookie(request)
  if (inCookie !== null) return shownBy(app, inCookie)
  if (authorization === undefined) throw new AppError('unauthenticated')
  return null
}

function shownBy(app: App, refreshToken: string): ShownSession | null {
  const token = app.refreshTokens.read(refreshToken)
  return token && { id: token.sessionId, generation: token.generation }
}

async function ofAccessToken(app: App, authorization: string): Promise<ShownSession | null> {
  try {
    const { claims } = await authenticateOrAsk(app, bearerToken(authorization))
    return { id: claims.sid, generation: null }
  } catch (error) {
    if (error instanceof AppError && error.status === 401) return null
    throw error
  }
}
