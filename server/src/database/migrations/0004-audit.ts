import type { Migration } from '../migration.ts'

/** The audit log: chains of lines, who wrote them, the keys of the people in them, and the signed checkpoints. */
export const audit: Migration = {
  name: '0004-audit',
  steps: [
    {
      table: 'audit_lines',
      columns: ({ columns }) => [
        `writer ${columns.id} not null`,
        `seq ${columns.bigint} not null`,
        `at ${columns.bigint} not null`,
        `event ${columns.key(48)} not null`,
        `actor_kind ${columns.key(16)} not null`,
        `actor_id ${columns.key(64)}`,
        `subject_kind ${columns.key(16)}`,
        `subject_id ${columns.key(64)}`,
        `user_id ${columns.key(64)}`,
        `reason ${columns.key(64)}`,
        `request_id ${columns.key(64)}`,
        `details ${columns.longText} not null`,
        `actor_sealed ${columns.bytes(4096)}`,
        `user_sealed ${columns.bytes(4096)}`,
        `prev_hash ${columns.bytes(32)} not null`,
        `hash ${columns.bytes(32)} not null`,
        'primary key (writer, seq)',
      ],
    },
    { index: 'audit_lines_at', on: ['audit_lines', 'at', 'writer', 'seq'] },
    { index: 'audit_lines_event', on: ['audit_lines', 'event', 'at', 'writer', 'seq'] },
    { index: 'audit_lines_user', on: ['audit_lines', 'user_id', 'at', 'writer', 'seq'] },
    { index: 'audit_lines_actor', on: ['audit_lines', 'actor_id', 'at', 'writer', 'seq'] },
    { index: 'audit_lines_subject', on: ['audit_lines', 'subject_id', 'at', 'writer', 'seq'] },
    {
      table: 'audit_writers',
      columns: ({ columns }) => [
        `writer ${columns.id} not null primary key`,
        `started_at ${columns.bigint} not null`,
        `covered_seq ${columns.bigint} not null`,
        `removed_in ${columns.bigint}`,
      ],
    },
    { index: 'audit_writers_started', on: ['audit_writers', 'started_at', 'writer'] },
    { index: 'audit_writers_removed', on: ['audit_writers', 'removed_in', 'writer'] },
    {
      table: 'audit_persons',
      columns: ({ columns }) => [
        `user_id ${columns.key(64)} not null primary key`,
        `secret ${columns.bytes(32)}`,
        `erased_at ${columns.bigint}`,
      ],
    },
    { index: 'audit_persons_erased', on: ['audit_persons', 'erased_at', 'user_id'] },
    {
      table: 'audit_checkpoints',
      columns: ({ columns }) => [
        `number ${columns.bigint} not null primary key`,
        `at ${columns.bigint} not null`,
        `key_id ${columns.key(32)} not null`,
        `body ${columns.longText} not null`,
        `hash ${columns.bytes(32)} not null`,
        `signature ${columns.bytes(64)} not null`,
      ],
    },
  ],
}
