import { Type } from 'typebox'
import { AppError } from '../../errors.ts'
import { authenticateOrAsk } from '../../flows/authenticate.ts'
import { logout } from '../../flows/logout.ts'
import { bearerToken } from '../guards.ts'
import { type RequestContext, route } from '../route.ts'

export const logoutRoute = route({
  summary: 'Log out',
  description:
    'By refresh token (of any generation) or by access token; 204 again and again, also for tokens nobody knows. Scope ' +
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
  errors: ['unauthenticated'],
  async handle(request) {
    const { app, body } = request
    await logout(app, request.act, await sessionOf(request), body.scope ?? 'this')
    return { status: 204 }
  },
})

/** The session that the shown token belongs to; null when it is no good, which is no error here. */
function shownBy(token: { sessionId: string; generation: number } | null) {
  return token && { id: token.sessionId, generation: token.generation }
}

async function sessionOf({ app, body, header }: RequestContext<{ refresh_token?: string }, undefined, undefined>) {
  if (body.refresh_token !== undefined) return shownBy(app.refreshTokens.read(body.refresh_token))
  try {
    const { claims } = await authenticateOrAsk(app, bearerToken(header('authorization')))
    return { id: claims.sid, generation: null }
  } catch (error) {
    if (error instanceof AppError && error.status === 401 && error.code !== 'unauthenticated') return null
    throw error
  }
}
