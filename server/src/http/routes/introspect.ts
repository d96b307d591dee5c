import { Type } from 'typebox'
import type { App } from '../../app.ts'
import type { AccessClaims } from '../../domain/tokens/access-token.ts'
import { type Introspection, introspect } from '../../flows/introspect.ts'
import { exampleClaims } from '../examples.ts'
import { type Answer, route } from '../route.ts'
import { serializerOf } from '../serialize.ts'
import { writtenLately } from '../written-lately.ts'

const introspection = Type.Object({
  active: Type.Boolean(),
  token_type: Type.Optional(Type.String({ description: 'Bearer or refresh_token.' })),
  iss: Type.Optional(Type.String()),
  aud: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
  sub: Type.Optional(Type.String()),
  client_id: Type.Optional(Type.String()),
  iat: Type.Optional(Type.Integer()),
  nbf: Type.Optional(Type.Integer()),
  exp: Type.Optional(Type.Integer()),
  jti: Type.Optional(Type.String()),
  sid: Type.Optional(Type.String()),
  roles: Type.Optional(Type.Array(Type.String())),
  roles_id: Type.Optional(Type.String()),
  auth_time: Type.Optional(Type.Integer()),
})

const write = serializerOf(introspection)
const lately = writtenLately<AccessClaims>()

export const introspectRoute = route({
  summary: 'Is this token good right now? (RFC 7662)',
  description:
    'For services: works for access and refresh tokens. Of a token that is no good nothing is said but active: false.',
  tag: 'Services',
  who: 'service',
  scope: 'introspect',
  quiet: true,
  oauth: true,
  bodyType: 'application/x-www-form-urlencoded',
  body: Type.Object({
    token: Type.String({ minLength: 1, maxLength: 8192, description: 'the token.' }),
    token_type_hint: Type.Optional(Type.String({ maxLength: 64, description: 'a hint; it may be wrong.' })),
  }),
  example: { token: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwMTkzIn0.c2lnbmF0dXJl' },
  answers: {
    200: {
      description: 'What there is to know about it.',
      schema: introspection,
      example: { active: true, token_type: 'Bearer', ...exampleClaims },
    },
  },
  errors: [],
  handle({ app, body }) {
    const found = introspect(app, body.token)
    return found instanceof Promise ? found.then((known) => answer(app, known)) : answer(app, found)
  },
})

function answer(app: App, found: Introspection): Answer {
  if (found.kind === 'none') return { status: 200, body: { active: false } }
  if (found.kind === 'access') return { status: 200, written: lately(found.claims, app.clock.now(), writeClaims) }
  const { sub, sid, exp } = found
  return { status: 200, body: { active: true, token_type: 'refresh_token', sub, sid, exp, iss: app.config.issuer } }
}

function writeClaims(claims: AccessClaims): string {
  return write({ active: true, token_type: 'Bearer', ...claims })
}
