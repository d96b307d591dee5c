import type { Migration } from '../migration.ts'

export const throttling: Migration = {
  name: '0007-throttling',
  steps: [
    {
      table: 'guesses',
      columns: ({ columns }) => [
        `name ${columns.key(43)} not null primary key`,
        `failures ${columns.integer} not null`,
        `last_at ${columns.bigint} not null`,
        `forgotten_at ${columns.bigint}`,
      ],
    },
    { index: 'guesses_forgotten', on: ['guesses', 'forgotten_at', 'name'] },
    {
      table: 'buckets',
      columns: ({ columns }) => [`name ${columns.key(43)} not null primary key`, `empty_at ${columns.bigint} not null`],
    },
    { index: 'buckets_empty', on: ['buckets', 'empty_at', 'name'] },
  ],
}
