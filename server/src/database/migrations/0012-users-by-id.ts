import type { Migration } from '../migration.ts'

/** Lists by the time of creation go by the id, which is made then: every new user wrote this index, and nobody read it. */
export const usersById: Migration = {
  name: '0012-users-by-id',
  steps: [{ goneIndex: 'users_created_at', on: ['users', 'created_at', 'id'] }],
}
