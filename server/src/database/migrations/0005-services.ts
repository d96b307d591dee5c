import type { Migration } from '../migration.ts'

export const serviceSecrets: Migration = {
  name: '0005-services',
  steps: [
    { column: 'updated_at', of: 'services', type: ({ columns }) => columns.bigint },
    { column: 'last_used_at', of: 'service_secrets', type: ({ columns }) => columns.bigint },
  ],
}
