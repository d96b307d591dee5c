import { Type } from 'typebox'
import { revokeToken } from '../../flows/revoke-token.ts'
import { exampleTokens } from '../examples.ts'
import { route } from '../route.ts'

export const revokeRoute = route({
  summary: 'Revoke a token (RFC 7009)',
  description:
    'For services. A refresh token, of any generation, ends its session; an access token dies alone. 200 also for tokens ' +
    'nobody knows, and again and again.',
  tag: 'Services',
  who: 'service',
  scope: 'revoke',
  oauth: true,
  bodyType: 'application/x-www-form-urlencoded',
  body: Type.Object({
    token: Type.String({ minLength: 1, maxLength: 8192, description: 'the token.' }),
    token_type_hint: Type.Optional(Type.String({ maxLength: 64, description: 'a hint; it may be wrong.' })),
  }),
  example: { token: exampleTokens.refresh_token, token_type_hint: 'refresh_token' },
  answers: { 200: { description: 'The token is no good any more.' } },
  errors: [],
  async handle({ app, act, body }) {
    await revokeToken(app, act, body.token)
    return { status: 200 }
  },
})
