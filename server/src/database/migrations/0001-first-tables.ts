import type { Migration } from '../migration.ts'

/**
 * No foreign keys: a check of `users` at every login would lock rows across busy tables, and some clusters have none.
 * The flows keep the tables consistent.
 */
export const firstTables: Migration = {
  name: '0001-first-tables',
  steps: [
    {
      table: 'users',
      columns: ({ columns }) => [
        `id ${columns.id} not null primary key`,
        `email ${columns.key(254)} not null`,
        `email_verified ${columns.integer} not null`,
        `name ${columns.text(255)}`,
        `locale ${columns.key(35)}`,
        `roles ${columns.longText} not null`,
        `status ${columns.key(16)} not null`,
        `metadata ${columns.longText} not null`,
        `created_at ${columns.bigint} not null`,
        `updated_at ${columns.bigint} not null`,
        `last_login_at ${columns.bigint}`,
      ],
    },
    { index: 'users_email', unique: true, on: ['users', 'email'] },
    { index: 'users_created_at', on: ['users', 'created_at', 'id'] },
    {
      table: 'passwords',
      columns: ({ columns }) => [
        `user_id ${columns.id} not null primary key`,
        `hash ${columns.key(255)} not null`,
        `changed_at ${columns.bigint} not null`,
      ],
    },
    {
      table: 'sessions',
      columns: ({ columns }) => [
        `id ${columns.id} not null primary key`,
        `user_id ${columns.id} not null`,
        `generation ${columns.integer} not null`,
        `rotated_at ${columns.bigint} not null`,
        `redeemers ${columns.bytes(64)} not null`,
        `idle_expires_at ${columns.bigint} not null`,
        `absolute_expires_at ${columns.bigint} not null`,
        `ended_at ${columns.bigint}`,
        `end_reason ${columns.key(32)}`,
        `created_at ${columns.bigint} not null`,
        `last_used_at ${columns.bigint} not null`,
        `last_ip ${columns.key(45)}`,
        `user_agent ${columns.text(512)}`,
        `device_name ${columns.text(255)}`,
      ],
    },
    // None on a column that a refresh changes: rotating must not touch an index.
    { index: 'sessions_user', on: ['sessions', 'user_id', 'created_at'] },
    { index: 'sessions_ended', on: ['sessions', 'ended_at', 'id'] },
    { index: 'sessions_expired', on: ['sessions', 'absolute_expires_at', 'id'] },
    {
      table: 'revocations',
      columns: ({ columns }) => [
        `id ${columns.id} not null primary key`,
        `kind ${columns.key(16)} not null`,
        `subject ${columns.key(64)} not null`,
        `before_at ${columns.bigint} not null`,
        `until_at ${columns.bigint} not null`,
        `reason ${columns.key(32)} not null`,
        `revoked_at ${columns.bigint} not null`,
      ],
    },
    { index: 'revocations_until', on: ['revocations', 'until_at', 'id'] },
    { index: 'revocations_revoked', on: ['revocations', 'revoked_at', 'id'] },
    {
      table: 'signing_keys',
      columns: ({ columns }) => [
        `kid ${columns.key(64)} not null primary key`,
        `algorithm ${columns.key(16)} not null`,
        `state ${columns.key(16)} not null`,
        `public_jwk ${columns.longText} not null`,
        `sealed_private ${columns.bytes(8192)} not null`,
        `created_at ${columns.bigint} not null`,
        `activated_at ${columns.bigint}`,
        `retired_at ${columns.bigint}`,
      ],
    },
    { index: 'signing_keys_state', on: ['signing_keys', 'state'] },
    {
      table: 'services',
      columns: ({ columns }) => [
        `id ${columns.id} not null primary key`,
        `client_id ${columns.key(64)} not null`,
        `name ${columns.text(255)} not null`,
        `scopes ${columns.longText} not null`,
        `created_at ${columns.bigint} not null`,
      ],
    },
    { index: 'services_client', unique: true, on: ['services', 'client_id'] },
    {
      table: 'service_secrets',
      columns: ({ columns }) => [
        `id ${columns.id} not null primary key`,
        `service_id ${columns.id} not null`,
        `hash ${columns.bytes(32)} not null`,
        `created_at ${columns.bigint} not null`,
        `expires_at ${columns.bigint}`,
      ],
    },
    { index: 'service_secrets_service', on: ['service_secrets', 'service_id'] },
  ],
}
