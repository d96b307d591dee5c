import { Type } from 'typebox'
import type { AccessClaims } from '../../domain/tokens/access-token.ts'
import { exampleClaims } from '../examples.ts'
import { route } from '../route.ts'
import { serializerOf } from '../serialize.ts'
import { writtenLately } from '../written-lately.ts'

const claimsSchema = Type.Object({
  iss: Type.String(),
  aud: Type.Union([Type.String(), Type.Array(Type.String())]),
  sub: Type.String(),
  client_id: Type.String(),
  iat: Type.Integer(),
  nbf: Type.Optional(Type.Integer()),
  exp: Type.Integer(),
  jti: Type.String(),
  sid: Type.String(),
  roles: Type.Array(Type.String()),
  roles_id: Type.Optional(Type.String()),
  auth_time: Type.Integer(),
})

const writeClaims = serializerOf(claimsSchema)
const lately = writtenLately<AccessClaims>()

export const validateRoute = route({
  summary: 'Is this access token good right now?',
  description: 'Signature, expiry and revocation are checked; no database is asked.',
  tag: 'Authentication',
  who: 'user',
  quiet: true,
  answers: {
    200: {
      description: 'It is; its claims.',
      schema: Type.Object({
        active: Type.Literal(true),
        claims: claimsSchema,
        expires_in: Type.Integer({ description: 'Seconds until the token expires.' }),
      }),
      example: { active: true, claims: exampleClaims, expires_in: 612 },
    },
  },
  errors: [],
  handle({ app }, { claims }) {
    const now = app.clock.now()
    return { status: 200, written: lately(claims, now, (each) => answer(each, now)) }
  },
})

function answer(claims: AccessClaims, now: number): string {
  const expiresIn = Math.max(0, claims.exp - Math.floor(now / 1000))
  return `{"active":true,"claims":${writeClaims(claims)},"expires_in":${expiresIn}}`
}
