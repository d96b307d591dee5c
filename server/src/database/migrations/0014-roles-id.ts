import type { Migration } from '../migration.ts'

/** Which giving of roles an access token speaks of, so that a change of them revokes its tokens without asking a clock. */
export const rolesId: Migration = {
  name: '0014-roles-id',
  steps: [{ column: 'roles_id', of: 'users', type: ({ columns }) => columns.id }],
}
