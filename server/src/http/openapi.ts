import { type TSchema, Type } from 'typebox'
import { ruleOf } from '../domain/admin/permissions.ts'
import { catalogue, type ErrorCode } from '../errors.ts'
import * as fields from './fields.ts'
import { oauthErrorOf } from './oauth-errors.ts'
import { type AnyRoute, errorsOf, scopeOf } from './route.ts'
import type { Place } from './routes.ts'

type Json = Record<string, unknown>

/** Schemas that get a name of their own in the document. */
const named = {
  User: fields.User,
  Tokens: fields.Tokens,
  Session: fields.Session,
  Revocation: fields.Revocation,
  Problem: fields.Problem,
}

/** The API as an OpenAPI 3.1 document, from the routes themselves. @param server its address */
export function openApi(places: readonly Place[], server: string): Json {
  const paths: Record<string, Json> = {}
  for (const { method, path, route } of places) {
    const template = path.replaceAll(/:(\w+)/g, '{$1}')
    paths[template] = { ...paths[template], [method.toLowerCase()]: operation(method, path, route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'NTT Auth',
      version: '1',
      description:
        'Accounts, sessions and tokens. Errors are application/problem+json with a stable code; unknown request fields ' +
        'are refused, and where a route takes no body, an empty JSON object counts as none. Times are RFC 3339; spans of ' +
        'time are whole numbers of seconds. Only session_ended: true tells a client that its session is over.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: server }],
    paths,
    components: {
      schemas: Object.fromEntries(
        Object.entries(named).map(([name, schema]) => [name, withReferences(plain(schema), name)]),
      ),
      securitySchemes: {
        access_token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'An access token.' },
        service: { type: 'http', scheme: 'basic', description: 'Client id and secret of a service.' },
      },
    },
  }
}

function operation(method: string, path: string, route: AnyRoute): Json {
  const parameters = [...inPath(route), ...inQuery(route), ...inHeaders(route)]
  return {
    operationId: operationId(method, path),
    tags: [route.tag],
    summary: route.summary,
    ...(route.description && { description: route.description }),
    security: security(route),
    'x-who': route.who,
    ...(scopeOf(route) && { 'x-scope': scopeOf(route) }),
    ...(route.permission && { 'x-permission': route.permission }),
    ...(route.fieldPermissions && { 'x-field-permissions': route.fieldPermissions }),
    ...(freshWithinOf(route) !== undefined && { 'x-fresh-within': freshWithinOf(route) }),
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && {
      requestBody: {
        required: !route.bodyOptional,
        content: { [route.bodyType ?? 'application/json']: content(route.body, route.example) },
      },
    }),
    responses: { ...successes(route), ...failures(route) },
  }
}

function freshWithinOf({ freshWithin, permission }: AnyRoute): number | undefined {
  return freshWithin ?? (permission && ruleOf(permission).freshWithin)
}

function security(route: AnyRoute): Json[] {
  const service = route.who === 'service' || scopeOf(route) ? [{ service: [] }] : []
  return route.who === 'user' || route.who === 'admin' ? [{ access_token: [] }, ...service] : service
}

/** e.g. `post_v1_auth_login`. */
function operationId(method: string, path: string): string {
  return `${method.toLowerCase()}${path}`.replaceAll(/[^A-Za-z0-9]+/g, '_')
}

function inPath(route: AnyRoute): Json[] {
  const properties: Record<string, TSchema> = route.params?.properties ?? {}
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'path',
    required: true,
    schema: plain(schema),
  }))
}

function inQuery(route: AnyRoute): Json[] {
  const properties: Record<string, TSchema> = route.query?.properties ?? {}
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', schema: plain(schema) }))
}

function inHeaders(route: AnyRoute): Json[] {
  return Object.entries(route.headers ?? {}).map(([name, { description, pattern, example }]) => ({
    name,
    in: 'header',
    description,
    schema: { type: 'string', pattern },
    example,
  }))
}

function successes(route: AnyRoute): Json {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, { description, schema, example, contentType }]) => [
      status,
      {
        description,
        ...(schema && { content: { 'application/json': content(schema, example) } }),
        ...(contentType && { content: { [mediaType(contentType)]: content(Type.String(), example) } }),
      },
    ]),
  )
}

function mediaType(contentType: string): string {
  return contentType.split(';')[0]!
}

/** One response a status; its error codes stand in the description and, for programs, in `x-codes`. */
function failures(route: AnyRoute): Json {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of errorsOf(route)) {
    const { status } = catalogue[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const entries = [...byStatus].map(([status, codes]) => {
    const own = route.answers[status]
    const problem = content(fields.Problem, exampleProblem(codes[0]!, route.oauth))
    return [
      String(status),
      {
        description: [own?.description, ...codes.map((code) => `${code}: ${catalogue[code].title}.`)]
          .filter(Boolean)
          .join(' '),
        'x-codes': codes,
        ...(catalogue[codes[0]!].status === 503 && { headers: retryAfter }),
        content: {
          ...(own?.schema && { 'application/json': content(own.schema, own.example) }),
          ...(own?.contentType && { [mediaType(own.contentType)]: content(Type.String(), own.example) }),
          // For whoever asks for it, as libraries for OAuth do.
          ...(route.oauth && { 'application/json': problem }),
          'application/problem+json': problem,
        },
      },
    ]
  })
  return Object.fromEntries(entries)
}

const retryAfter = { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } } }

function exampleProblem(code: ErrorCode, oauth = false): Json {
  const entry: { status: number; title: string; remedy: string; retryable?: boolean } = catalogue[code]
  return {
    type: `https://auth.example.com/docs/errors/${code}`,
    title: entry.title,
    status: entry.status,
    code,
    ...(oauth && { error: oauthErrorOf(code) }),
    detail: entry.remedy,
    request_id: 'c0ffee00-1',
    retryable: entry.retryable ?? false,
    session_ended: code === 'session_ended',
    end_reason: code === 'session_ended' ? 'logout_all' : null,
  }
}

function content(schema: TSchema, example: unknown): Json {
  return { schema: withReferences(plain(schema)), ...(example !== undefined && { example }) }
}

function plain(schema: TSchema): Json {
  return JSON.parse(JSON.stringify(schema))
}

const texts = new Map(Object.entries(named).map(([name, schema]) => [JSON.stringify(schema), name]))

/** Puts a reference wherever a named schema stands, except at the top of its own definition. */
function withReferences(schema: unknown, own?: string): unknown {
  if (typeof schema !== 'object' || schema === null) return schema
  const name = texts.get(JSON.stringify(schema))
  if (name && name !== own) return { $ref: `#/components/schemas/${name}` }
  if (Array.isArray(schema)) return schema.map((entry) => withReferences(entry))
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withReferences(value)]))
}
