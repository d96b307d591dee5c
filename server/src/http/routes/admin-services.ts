import { Type } from 'typebox'
import { toRfc3339 } from '../../clock.ts'
import { findService, listServices, type ServiceDetails } from '../../domain/services/list.ts'
import { secretSpans, serviceScopes } from '../../domain/services/service.ts'
import { AppError } from '../../errors.ts'
import { deleteService, deleteServiceSecret, rotateServiceSecret, updateService } from '../../flows/change-services.ts'
import { registerService } from '../../flows/register-service.ts'
import { Id, Name, Time } from '../fields.ts'
import { PageQuery, pageOf, readCursor } from '../pages.ts'
import { route } from '../route.ts'

const maybeTime = Type.Union([Time, Type.Null()])
const Scopes = Type.Array(
  Type.Union(
    serviceScopes.map((scope) => Type.Literal(scope)),
    { description: `one of ${serviceScopes.map((scope) => `"${scope}"`).join(', ')}.` },
  ),
  { maxItems: serviceScopes.length, uniqueItems: true, description: 'what the service may do.' },
)
// Later everything may be taken away from it; a new one that may do nothing is a mistake.
const FirstScopes = Type.Array(Scopes.items, {
  maxItems: serviceScopes.length,
  minItems: 1,
  uniqueItems: true,
  description: 'what the service may do, one scope at least.',
})
const inSeconds = (milliseconds: number) => milliseconds / 1000
const { life, overlap } = secretSpans
const Life = Type.Optional(
  Type.Union([Type.Integer({ minimum: inSeconds(life.least), maximum: inSeconds(life.most) }), Type.Null()], {
    description: 'seconds for which the secret lives, 60 or more; left out or null: until it is replaced or deleted.',
  }),
)
const Overlap = Type.Optional(
  Type.Integer({
    minimum: inSeconds(overlap.least),
    maximum: inSeconds(overlap.most),
    description: `seconds for which the secrets before live on; ${inSeconds(overlap.usual)} if left out, 0 ends them at once.`,
  }),
)

const Service = Type.Object({
  id: Id,
  client_id: Type.String({ description: 'Its name in HTTP Basic.' }),
  name: Type.String(),
  scopes: Type.Array(Type.String()),
  created_at: Time,
  secrets: Type.Array(
    Type.Object({
      id: Id,
      created_at: Time,
      expires_at: maybeTime,
      last_used_at: Type.Union([Time, Type.Null()], { description: 'To the minute.' }),
    }),
    { description: 'Those that are alive, at most two.' },
  ),
})
const ServiceWithSecret = Type.Object({
  ...Service.properties,
  client_secret: Type.String({ description: 'Shown this once.' }),
})

const exampleService = {
  id: '01934d2e-5c04-7d44-8b55-3a2b1c0d9e8f',
  client_id: 'svc_q83vEjRWeJCr',
  name: 'billing',
  scopes: ['introspect', 'revocations:read'],
  created_at: '2026-11-23T10:00:00.000Z',
  secrets: [
    {
      id: '01934d2e-5c05-7e55-9c66-4b3c2d1e0f9a',
      created_at: '2026-11-23T10:00:00.000Z',
      expires_at: null,
      last_used_at: '2026-11-23T10:05:00.000Z',
    },
  ],
}
const exampleWithSecret = { ...exampleService, client_secret: 'ntts_ASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8' }

export function serviceView({ id, clientId, name, scopes, createdAt, secrets }: ServiceDetails) {
  const time = (at: number | null) => (at === null ? null : toRfc3339(at))
  return {
    id,
    client_id: clientId,
    name,
    scopes,
    created_at: toRfc3339(createdAt),
    secrets: secrets.map((secret) => ({
      id: secret.id,
      created_at: toRfc3339(secret.createdAt),
      expires_at: time(secret.expiresAt),
      last_used_at: time(secret.lastUsedAt),
    })),
  }
}

const ServiceId = Type.Object({ id: Id })
const milliseconds = (seconds: number | null | undefined) => (seconds == null ? null : seconds * 1000)

export const listServicesRoute = route({
  summary: 'Services',
  description: 'Other programs that call this server, oldest first.',
  tag: 'Administration',
  who: 'admin',
  permission: 'services:read',
  query: PageQuery,
  answers: {
    200: {
      description: 'A page of services.',
      schema: Type.Object({ items: Type.Array(Service), next_cursor: Type.Union([Type.String(), Type.Null()]) }),
      example: { items: [exampleService], next_cursor: null },
    },
  },
  errors: [],
  async handle({ app, query }) {
    const limit = query.limit ?? 50
    const services = await listServices(app.database.db, limit + 1, app.clock.now(), readCursor(query.cursor))
    const page = pageOf(services, limit)
    return { status: 200, body: { ...page, items: page.items.map(serviceView) } }
  },
})

export const readServiceRoute = route({
  summary: 'A service',
  tag: 'Administration',
  who: 'admin',
  permission: 'services:read',
  params: ServiceId,
  answers: { 200: { description: 'The service.', schema: Service, example: exampleService } },
  errors: ['not_found'],
  async handle({ app, params }) {
    const service = await findService(app.database.db, params.id, app.clock.now())
    if (!service) throw new AppError('not_found')
    return { status: 200, body: serviceView(service) }
  },
})

export const createServiceRoute = route({
  summary: 'Admit a service',
  tag: 'Administration',
  who: 'admin',
  permission: 'services:change',
  body: Type.Object({ name: Name, scopes: FirstScopes, expires_in: Life }, { additionalProperties: false }),
  example: { name: 'billing', scopes: ['introspect', 'revocations:read'] },
  answers: {
    201: { description: 'The service and its secret.', schema: ServiceWithSecret, example: exampleWithSecret },
  },
  errors: [],
  async handle({ app, act, body }) {
    const { service, secret } = await registerService(app, act, body.name, body.scopes, milliseconds(body.expires_in))
    const details = await findService(app.database.db, service.id, app.clock.now())
    return { status: 201, body: { ...serviceView(details!), client_secret: secret } }
  },
})

export const updateServiceRoute = route({
  summary: 'Change a service',
  description: 'Only the fields that are sent change. On every node within two seconds.',
  tag: 'Administration',
  who: 'admin',
  permission: 'services:change',
  params: ServiceId,
  body: Type.Object(
    { name: Type.Optional(Name), scopes: Type.Optional(Scopes) },
    { additionalProperties: false, minProperties: 1 },
  ),
  example: { name: 'billing', scopes: ['introspect'] },
  answers: { 200: { description: 'The service as it is now.', schema: Service, example: exampleService } },
  errors: ['not_found'],
  async handle({ app, act, params, body }) {
    return { status: 200, body: serviceView(await updateService(app, act, params.id, body)) }
  },
})

export const deleteServiceRoute = route({
  summary: 'Delete a service',
  description: 'It is let in no more, on every node within two seconds, and its streams end.',
  tag: 'Administration',
  who: 'admin',
  permission: 'services:change',
  params: ServiceId,
  answers: { 204: { description: 'It is gone.' } },
  errors: ['not_found'],
  async handle({ app, act, params }) {
    await deleteService(app, act, params.id)
    return { status: 204 }
  },
})

export const rotateServiceSecretRoute = route({
  summary: 'A new secret for a service',
  description:
    'The secrets before live on for "overlap", in seconds, so that the service can change over without a pause. At most two ' +
    'are alive at a time.',
  tag: 'Administration',
  who: 'admin',
  permission: 'services:change',
  params: ServiceId,
  bodyOptional: true,
  body: Type.Object({ overlap: Overlap, expires_in: Life }, { additionalProperties: false }),
  example: { overlap: 3600 },
  answers: {
    201: { description: 'The service and its new secret.', schema: ServiceWithSecret, example: exampleWithSecret },
  },
  errors: ['not_found', 'secrets_full'],
  async handle({ app, act, params, body }) {
    const rotation = { overlap: milliseconds(body.overlap) ?? overlap.usual, life: milliseconds(body.expires_in) }
    const { service, secret } = await rotateServiceSecret(app, act, params.id, rotation)
    return { status: 201, body: { ...serviceView(service), client_secret: secret } }
  },
})

export const deleteServiceSecretRoute = route({
  summary: 'Delete a secret of a service',
  description: 'It is good no more, on every node within two seconds.',
  tag: 'Administration',
  who: 'admin',
  permission: 'services:change',
  params: Type.Object({ id: Id, secret_id: Id }),
  answers: { 204: { description: 'It is gone.' } },
  errors: ['not_found'],
  async handle({ app, act, params }) {
    await deleteServiceSecret(app, act, params.id, params.secret_id)
    return { status: 204 }
  },
})
