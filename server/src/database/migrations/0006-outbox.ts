import type { Migration } from '../migration.ts'

/** Mail that waits to be delivered, and what became of it. */
export const outbox: Migration = {
  name: '0006-outbox',
  steps: [
    {
      table: 'outbox',
      columns: ({ columns }) => [
        `id ${columns.id} not null primary key`,
        `recipient ${columns.key(254)} not null`,
        `template ${columns.key(32)} not null`,
        `locale ${columns.key(35)}`,
        `sealed ${columns.bytes(8192)} not null`,
        `state ${columns.key(16)} not null`,
        `claim ${columns.key(32)}`,
        `attempts ${columns.integer} not null`,
        `due_at ${columns.bigint} not null`,
        `expires_at ${columns.bigint} not null`,
        `created_at ${columns.bigint} not null`,
        `finished_at ${columns.bigint}`,
        `last_error ${columns.text(500)}`,
      ],
    },
    { index: 'outbox_due', on: ['outbox', 'state', 'due_at', 'id'] },
    { index: 'outbox_recipient', on: ['outbox', 'recipient', 'created_at'] },
    { index: 'outbox_expired', on: ['outbox', 'expires_at', 'id'] },
    // Whether the token travelled by mail only: who shows it then has shown that the address is its own.
    { column: 'mailed', of: 'one_time_tokens', type: ({ columns }) => `${columns.integer} not null default 0` },
  ],
}
