import type { Migration } from '../migration.ts'

/** What imported password hashes cost: one row for each kind. */
export const hashFormats: Migration = {
  name: '0009-hash-formats',
  steps: [
    {
      table: 'hash_formats',
      columns: ({ columns }) => [
        `kind ${columns.key(32)} not null primary key`,
        `least ${columns.bigint} not null`,
        `most ${columns.bigint} not null`,
      ],
    },
  ],
}
