import type { Migration } from '../migration.ts'

/** Accounts that their owners have deleted, until they are gone. */
export const deletionDelay: Migration = {
  name: '0008-deletion-delay',
  steps: [
    { column: 'deletion_due_at', of: 'users', type: ({ columns }) => columns.bigint },
    { index: 'users_deletion_due', on: ['users', 'deletion_due_at', 'id'] },
  ],
}
