import { Type } from 'typebox'
import type { AccessClaims } from '../../domain/tokens/access-token.ts'
import { exampleClaims } from '../examples.ts'
import { route } from '../route.ts'
import { serializerOf } from '../serialize.ts'

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
  auth_time: Type.Integer(),
})

const writeClaims = serializerOf(claimsSchema)
// A token that is asked for again and again is written once a second.
const written = new WeakMap<AccessClaims, { expiresIn: number; text: string }>()

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
    const expiresIn = Math.max(0, claims.exp - Math.floor(app.clock.now() / 1000))
    const known = written.get(claims)
    if (known?.expiresIn === expiresIn) return { status: 200, written: known.text }
    const text = `{"active":true,"claims":${writeClaims(claims)},"expires_in":${expiresIn}}`
    written.set(claims, { expiresIn, text })
    return { status: 200, written: text }
  },
})
