import { Type } from 'typebox'
import { AppError } from '../../errors.ts'
import { refresh } from '../../flows/refresh.ts'
import { tokenInCookie, tokensAnswer } from '../cookies.ts'
import { exampleTokens } from '../examples.ts'
import { Tokens } from '../fields.ts'
import { route } from '../route.ts'

const keyPattern = '^[A-Za-z0-9_-]{16,128}$'
const keyShape = new RegExp(keyPattern)

export const refreshRoute = route({
  summary: 'Refresh: the next tokens of the session',
  description:
    'Uses the token up and answers with its successor. A retry with the same Refresh-Key gets the same successor, at ' +
    'any later time. A second use by somebody else ends the session.',
  tag: 'Authentication',
  who: 'session',
  headers: {
    'Refresh-Key': {
      description:
        'Random, at least 96 bits, made when the token was stored and stored with it; the same for every request that ' +
        'sends this token, a new one for the next token.',
      pattern: keyPattern,
      example: 'q83vEjRWeJCrze8SNFZ4kA',
    },
  },
  body: Type.Object(
    {
      refresh_token: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 512,
          description: 'the refresh token as received; absent where the browser holds it in a cookie.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  example: { refresh_token: exampleTokens.refresh_token },
  answers: { 200: { description: 'The successor.', schema: Tokens, example: exampleTokens } },
  errors: ['invalid_refresh_token', 'origin_not_allowed', 'session_ended', 'refresh_superseded', 'overloaded'],
  async handle(request) {
    const { app, act, body, header } = request
    const key = header('refresh-key') ?? null
    if (key !== null && !keyShape.test(key)) throw badKey()
    const token = body.refresh_token ?? tokenInCookie(request)
    if (token === null) throw noToken()
    const tokens = await refresh(app, act, { token, key })
    return tokensAnswer(200, tokens, body.refresh_token === undefined ? 'cookie' : 'body')
  },
})

function noToken(): AppError {
  return new AppError('invalid_refresh_token', {
    detail:
      'Neither "refresh_token" in the body nor our cookie was sent. In a browser, fetch with credentials: "include".',
  })
}

function badKey(): AppError {
  const detail = 'Refresh-Key is 16 to 128 characters of A–Z, a–z, 0–9, "-" and "_".'
  return new AppError('validation_failed', {
    detail,
    errors: [{ pointer: '/headers/refresh-key', code: 'pattern', detail }],
  })
}
