import { Type } from 'typebox'
import { toRfc3339 } from '../../clock.ts'
import { listSigningKeys } from '../../domain/keys/store.ts'
import { Time } from '../fields.ts'
import { route } from '../route.ts'

const maybeTime = Type.Union([Time, Type.Null()])

export const listKeysRoute = route({
  summary: 'The signing keys and their states',
  tag: 'Administration',
  who: 'admin',
  answers: {
    200: {
      description: 'The keys that sign or still verify, oldest first.',
      schema: Type.Object({
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
      }),
      example: {
        items: [
          {
            kid: 'PjVQ2lRTTkHHrBzGUqTPmGDQzX4uTfp7K0eB0sUyDqk',
            algorithm: 'ES256',
            state: 'active',
            created_at: '2026-11-23T10:00:00.000Z',
            activated_at: '2026-11-23T10:00:00.000Z',
            retired_at: null,
          },
        ],
        next_cursor: null,
      },
    },
  },
  errors: [],
  async handle({ app }) {
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
    return { status: 200, body: { items, next_cursor: null } }
  },
})
