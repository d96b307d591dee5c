import { createHash } from 'node:crypto'
import { Type } from 'typebox'
import { type RequestContext, route } from '../route.ts'

export const jwksRoute = route({
  summary: 'The public keys',
  description: 'A JWK set (RFC 7517) with which anybody can verify access tokens.',
  tag: 'Discovery',
  who: 'anyone',
  quiet: true,
  answers: {
    200: {
      description: 'The set.',
      schema: Type.Object({ keys: Type.Array(Type.Record(Type.String(), Type.Unknown())) }),
      example: { keys: [{ kty: 'EC', crv: 'P-256', kid: 'k1', alg: 'ES256', use: 'sig', x: '…', y: '…' }] },
    },
    304: { description: 'Unchanged since the ETag that was sent.' },
  },
  errors: [],
  handle: (request) => cached(request, request.app.keyring.jwks()),
})

export const metadataRoute = route({
  summary: 'Server metadata',
  description: 'RFC 8414. Every address is built from the configured public URL, none from the request.',
  tag: 'Discovery',
  who: 'anyone',
  quiet: true,
  answers: {
    200: {
      description: 'The metadata.',
      schema: Type.Object({
        issuer: Type.String(),
        jwks_uri: Type.String(),
        introspection_endpoint: Type.String(),
        introspection_endpoint_auth_methods_supported: Type.Array(Type.String()),
        revocation_endpoint: Type.String(),
        revocation_endpoint_auth_methods_supported: Type.Array(Type.String()),
        revocations_endpoint: Type.String({ description: 'What was revoked, as a feed; "/stream" behind it streams.' }),
        service_documentation: Type.String(),
        response_types_supported: Type.Array(Type.String()),
        grant_types_supported: Type.Array(Type.String()),
      }),
      example: {
        issuer: 'https://auth.example.com',
        jwks_uri: 'https://auth.example.com/.well-known/jwks.json',
        introspection_endpoint: 'https://auth.example.com/oauth2/introspect',
        introspection_endpoint_auth_methods_supported: ['client_secret_basic'],
        revocation_endpoint: 'https://auth.example.com/oauth2/revoke',
        revocation_endpoint_auth_methods_supported: ['client_secret_basic'],
        revocations_endpoint: 'https://auth.example.com/v1/revocations',
        service_documentation: 'https://auth.example.com/docs',
        response_types_supported: [],
        grant_types_supported: [],
      },
    },
    304: { description: 'Unchanged since the ETag that was sent.' },
  },
  errors: [],
  handle(request) {
    const { issuer, publicUrl } = request.app.config
    return cached(request, {
      issuer,
      jwks_uri: `${publicUrl}/.well-known/jwks.json`,
      introspection_endpoint: `${publicUrl}/oauth2/introspect`,
      introspection_endpoint_auth_methods_supported: ['client_secret_basic'],
      revocation_endpoint: `${publicUrl}/oauth2/revoke`,
      revocation_endpoint_auth_methods_supported: ['client_secret_basic'],
      revocations_endpoint: `${publicUrl}/v1/revocations`,
      service_documentation: `${publicUrl}/docs`,
      // Login and refresh are our own calls, not OAuth grants: nothing is promised here that a client could not use.
      response_types_supported: [],
      grant_types_supported: [],
    })
  },
})

type Request = RequestContext<undefined, undefined, undefined>

function cached({ app, header }: Request, body: object) {
  const etag = `"${createHash('sha256').update(JSON.stringify(body)).digest('base64url').slice(0, 22)}"`
  const headers = { etag, 'cache-control': `public, max-age=${Math.floor(app.config.jwksMaxAge / 1000)}` }
  const known = header('if-none-match')
    ?.split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
  return known?.some((tag) => tag === etag || tag === '*') ? { status: 304, headers } : { status: 200, body, headers }
}
