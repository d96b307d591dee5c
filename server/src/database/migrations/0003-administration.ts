import type { Migration } from '../migration.ts'

/** What it takes to find users among a million, to keep one administrator, and to hand out one-time links. */
export const administration: Migration = {
  name: '0003-administration',
  steps: [
    // Users come in the order of their ids, which is the order in which they were made (UUID version 7).
    { index: 'users_status', on: ['users', 'status', 'id'] },
    {
      table: 'user_roles',
      columns: ({ columns }) => [
        `user_id ${columns.id} not null`,
        `role ${columns.key(63)} not null`,
        'primary key (user_id, role)',
      ],
    },
    { index: 'user_roles_role', on: ['user_roles', 'role', 'user_id'] },
    {
      table: 'user_words',
      columns: ({ columns }) => [
        `user_id ${columns.id} not null`,
        `word ${columns.key(64)} not null`,
        'primary key (user_id, word)',
      ],
    },
    { index: 'user_words_word', on: ['user_words', 'word', 'user_id'] },
    {
      table: 'latches',
      columns: ({ columns }) => [`name ${columns.key(64)} not null primary key`, `turn ${columns.bigint} not null`],
    },
    { row: 'latches', values: { name: 'admins', turn: 0 } },
    {
      table: 'one_time_tokens',
      columns: ({ columns }) => [
        `id ${columns.id} not null primary key`,
        `hash ${columns.bytes(32)} not null`,
        `purpose ${columns.key(32)} not null`,
        `user_id ${columns.id} not null`,
        `email ${columns.key(254)} not null`,
        `created_at ${columns.bigint} not null`,
        `expires_at ${columns.bigint} not null`,
        `used_at ${columns.bigint}`,
      ],
    },
    { index: 'one_time_tokens_hash', unique: true, on: ['one_time_tokens', 'hash'] },
    { index: 'one_time_tokens_user', on: ['one_time_tokens', 'user_id'] },
    { index: 'one_time_tokens_expired', on: ['one_time_tokens', 'expires_at', 'id'] },
  ],
}
