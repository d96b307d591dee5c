import type { Migration } from '../migration.ts'

/** Registrations that wait for their address to be confirmed, apart from accounts that wait for something else. */
export const unconfirmed: Migration = {
  name: '0013-unconfirmed',
  steps: [
    { column: 'unconfirmed_since', of: 'users', type: ({ columns }) => columns.bigint },
    { index: 'users_unconfirmed', on: ['users', 'unconfirmed_since', 'id'] },
    { column: 'budget', of: 'outbox', type: ({ columns }) => columns.key(32) },
  ],
}
