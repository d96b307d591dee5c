import type { Migration } from '../migration.ts'

export const revocationFeed: Migration = {
  name: '0002-revocation-feed',
  steps: [
    // The default is 2^53 − 1, after every place: a release that does not know the column leaves rows to be placed.
    {
      column: 'position',
      of: 'revocations',
      type: ({ columns }) => `${columns.bigint} not null default 9007199254740991`,
    },
    { index: 'revocations_position', on: ['revocations', 'position', 'id'] },
    {
      table: 'revocation_feed',
      columns: ({ columns }) => [`name ${columns.key(64)} not null primary key`, `position ${columns.bigint} not null`],
    },
  ],
}
