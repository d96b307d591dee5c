import type { Migration } from '../migration.ts'

/** Keys that were revoked are never forgotten: one that comes back must be known. */
export const revokedKeys: Migration = {
  name: '0011-revoked-keys',
  steps: [{ column: 'revoked_at', of: 'signing_keys', type: ({ columns }) => columns.bigint }],
}
