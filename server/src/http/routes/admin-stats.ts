import { Type } from 'typebox'
import { toRfc3339 } from '../../clock.ts'
import { countUsersWithRole } from '../../domain/users/store.ts'
import { Time } from '../fields.ts'
import { route } from '../route.ts'

const Count = Type.Integer({ minimum: 0 })
// More administrators than this are not worth counting.
const mostAdmins = 1000

export const readStatsRoute = route({
  summary: 'What this node is busy with',
  description:
    'Only what costs nothing to know: nothing here reads through a table. Counts are those of the node that answers, ' +
    'since it started. Users and sessions are not counted; metrics and the list of users tell more.',
  tag: 'Administration',
  who: 'admin',
  permission: 'stats:read',
  answers: {
    200: {
      description: 'The counters.',
      schema: Type.Object({
        server_time: Time,
        started_at: Time,
        administrators: Type.Integer({ description: `Users with the role admin, up to ${mostAdmins}.` }),
        revocations: Type.Object({ live: Type.Integer({ description: 'In the live set, which tokens are held to.' }) }),
        hashing: Type.Object({
          threads: Count,
          queued: Count,
          in_flight: Count,
          hash_ms: Type.Number({ description: 'Expected milliseconds for one hash.' }),
          computed: Count,
          shed: Type.Integer({ description: 'Refused on arrival.' }),
          expired: Type.Integer({ description: 'Refused after waiting.' }),
        }),
      }),
      example: {
        server_time: '2026-11-23T10:00:00.000Z',
        started_at: '2026-11-23T08:00:00.000Z',
        administrators: 2,
        revocations: { live: 17 },
        hashing: { threads: 2, queued: 0, in_flight: 1, hash_ms: 210, computed: 912, shed: 0, expired: 0 },
      },
    },
  },
  errors: [],
  async handle({ app }) {
    const { threads, queued, inFlight, hashMs, computed, shed, expired } = app.hasher.stats()
    const now = app.clock.now()
    return {
      status: 200,
      body: {
        server_time: toRfc3339(now),
        started_at: toRfc3339(now - Math.round(process.uptime() * 1000)),
        administrators: await countUsersWithRole(app.database.db, 'admin', mostAdmins),
        revocations: { live: app.revocations.size() },
        hashing: { threads, queued, in_flight: inFlight, hash_ms: hashMs, computed, shed, expired },
      },
    }
  },
})
