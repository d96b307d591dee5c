import type { Migration } from '../migration.ts'

export const choreRuns: Migration = {
  name: '0010-chore-runs',
  steps: [
    {
      table: 'chore_runs',
      columns: ({ columns }) => [
        `name ${columns.key(64)} not null primary key`,
        `finished_at ${columns.bigint} not null`,
      ],
    },
  ],
}
