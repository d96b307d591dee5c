import { Type } from 'typebox'
import { toRfc3339 } from '../../clock.ts'
import { listSigningKeys } from '../../domain/keys/store.ts'
import { revokeKey } from '../../flows/revoke-key.ts'
import { rotateKeys } from '../../flows/rotate-keys.ts'
import { Time } from '../fields.ts'
import { type RequestContext, route } from '../route.ts'

const maybeTime = Type.Union([Time, Type.Null()])

const Keys = Type.Object({
  items: Type.Array(
    Type.Object({
      kid: Type.String(),
      algorithm: Type.String(),
      state: Type.String({ description: 'next, active or retiring.' }),
      created_at: Time,
      activated_at: maybeTime,
      retired_at: maybeTime,
    }),
  ),
  next_cursor: Type.Null(),
})

const exampleKeys = {
  items: [
    {
      kid: 'PjVQ2lRTTkHHrBzGUqTPmGDQzX4uTfp7K0eB0sUyDqk',
      algorithm: 'ES256',
      state: 'active',
      created_at: '2026-11-23T10:00:00.000Z',
      activated_at: '2026-11-23T10:00:00.000Z',
      retired_at: null,
    },
    {
      kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
      algorithm: 'ES256',
      state: 'next',
      created_at: '2026-11-23T10:00:00.000Z',
      activated_at: null,
      retired_at: null,
    },
  ],
  next_cursor: null,
}

export const listKeysRoute = route({
  summary: 'The signing keys and their states',
  tag: 'Administration',
  who: 'admin',
  permission: 'keys:read',
  answers: { 200: { description: 'The keys that are published, oldest first.', schema: Keys, example: exampleKeys } },
  errors: [],
  handle: async ({ app }) => ({ status: 200, body: await keysView(app) }),
})

export const rotateKeysRoute = route({
  summary: 'Let the next signing key take over',
  description:
    'Keys change by themselves on a schedule; this does it before its time. Tokens that are alive stay good, but for ' +
    'those of a key named as compromised: they are refused everywhere within the bound of revocations, while sessions ' +
    'go on and get new ones by their next refresh.',
  tag: 'Administration',
  who: 'admin',
  permission: 'keys:rotate',
  body: Type.Object(
    {
      now: Type.Optional(
        Type.Boolean({
          description: 'also when the next key has not been published for as long as verifiers may keep the key set.',
        }),
      ),
      compromised: Type.Optional(
        Type.String({
          pattern: '^[A-Za-z0-9_-]{1,64}$',
          description: 'the id of a key that fell into wrong hands: it goes at once, and what it signed is dead.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  bodyOptional: true,
  example: { compromised: 'PjVQ2lRTTkHHrBzGUqTPmGDQzX4uTfp7K0eB0sUyDqk' },
  answers: { 200: { description: 'The keys as they are now.', schema: Keys, example: exampleKeys } },
  errors: ['not_found', 'rotation_too_soon'],
  async handle({ app, act, body }) {
    if (body.compromised === undefined) await rotateKeys(app, act, { now: body.now ?? false })
    else await revokeKey(app, act, body.compromised)
    return { status: 200, body: await keysView(app) }
  },
})

async function keysView(app: RequestContext<undefined, undefined, undefined>['app']) {
  const rows = await listSigningKeys(app.database.db)
  const time = (at: number | null) => (at === null ? null : toRfc3339(at))
  const items = rows.map(({ kid, algorithm, state, ...row }) => ({
    kid,
    algorithm,
    state,
    created_at: toRfc3339(row.created_at),
    activated_at: time(row.activated_at),
    retired_at: time(row.retired_at),
  }))
  return { items, next_cursor: null }
}
