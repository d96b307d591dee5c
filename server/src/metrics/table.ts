import { retryCodes } from '../database/retry-codes.ts'
import { endReasons } from '../errors.ts'

/**
 * Every metric, in one table; `docs/reference/metrics.md` comes from it. A label takes one of the values that stand here
 * and no other, so that no caller can make the number of series grow: what is not in the list counts as the last of it.
 * Labels with `'routes'` take the patterns of our routes, or `none`.
 */
type Labels = Record<string, readonly string[] | 'routes'>
export type Entry = { help: string; labels?: Labels }

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** From a quarter of one upwards: what a database answers in. */
const milliseconds = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const keyStates = ['next', 'active', 'retiring'] as const

/** Statuses that we answer with, and `other` where the caller hung up before there was one; any other would be a surprise. */
const statuses =
  '200 201 202 204 206 304 400 401 403 404 405 408 409 410 413 414 415 417 422 429 431 500 501 503 505 other'.split(' ')

export const sweptTables = [
  'sessions',
  'revocations',
  'service_secrets',
  'signing_keys',
  'one_time_tokens',
  'outbox',
  'guesses',
  'buckets',
] as const
export const chores = ['sweep', 'tend_keys', 'deliver_mail', 'delete_accounts'] as const
export const insecureSettings = ['env', 'management_host', 'database_tls', 'redis_tls', 'rate_limits'] as const

export const counters = {
  ntt_auth_logins_total: {
    help: 'Logins by password.',
    labels: {
      method: ['password'],
      result: ['success', 'failure'],
      reason: [
        'none',
        'bad_credentials',
        'unknown_user',
        'disabled',
        'unverified',
        'rate_limited',
        'overloaded',
        'internal',
      ],
    },
  },
  ntt_auth_registrations_total: {
    help: 'Registrations.',
    labels: { result: ['success', 'taken', 'closed', 'policy', 'rate_limited', 'overloaded', 'failure'] },
  },
  ntt_auth_registrations_lapsed_total: {
    help: 'Registrations that are gone because nobody confirmed their addresses in time (NTT_AUTH_REGISTRATION_TTL).',
  },
  ntt_auth_rate_limited_total: {
    help: 'Calls that were refused because there were too many, by whose they were too many, and who knew it.',
    labels: {
      limiter: ['account', 'device', 'subject', 'network'],
      backend: ['memory', 'database', 'redis'],
    },
  },
  ntt_auth_forwarding_unbelieved_total: {
    help: 'Requests with X-Forwarded-For or Forwarded from an address that is not in NTT_AUTH_TRUSTED_PROXIES.',
  },
  ntt_auth_token_refresh_total: {
    help: 'Refreshes by what the presented token meant (docs/refresh-protocol.md); "forward" without a restore is an alarm.',
    labels: { result: ['rotated', 'repeated', 'forward', 'superseded', 'reuse', 'ended', 'invalid', 'failure'] },
  },
  ntt_auth_refresh_reuse_detected_total: {
    help: 'Refresh tokens that a second party used; their sessions were ended.',
  },
  ntt_auth_password_resets_total: {
    help: 'Passwords that somebody wanted to set by the link of a reset or an invitation.',
    labels: { result: ['success', 'invalid_token', 'policy', 'rate_limited', 'overloaded', 'failure'] },
  },
  ntt_auth_tokens_issued_total: {
    help: 'Tokens that were handed out; a repeated refresh hands out new ones.',
    labels: { grant: ['register', 'login', 'refresh', 'password_change'], type: ['access', 'refresh'] },
  },
  ntt_auth_sessions_started_total: { help: 'Sessions that began.' },
  ntt_auth_sessions_ended_total: {
    help: 'Ends of sessions that this node announced; an end of all sessions of a user counts once.',
    labels: { reason: [...endReasons, 'other'] },
  },
  ntt_auth_db_tx_retries_total: {
    help: 'Transactions that the database undid; each time they were repeated, and those given up after the last time.',
    labels: { code: [...retryCodes, 'other'], outcome: ['repeated', 'given_up'] },
  },
  ntt_auth_password_hash_rejected_total: {
    help: 'Hashes that were not computed: refused on arrival, or too late after waiting.',
    labels: { reason: ['queue_full', 'deadline'] },
  },
  ntt_auth_password_hash_abandoned_total: { help: 'Hashes whose caller had gone before their turn came.' },
  ntt_auth_password_hash_threads_lost_total: { help: 'Hashing threads that died and were replaced.' },
  ntt_auth_cleanup_deleted_rows_total: { help: 'Rows that the cleanup removed.', labels: { table: sweptTables } },
  ntt_auth_chore_failures_total: { help: 'Chores that failed and will be tried again.', labels: { chore: chores } },
  ntt_auth_outbox_deliveries_total: {
    help:
      'Deliveries of mail: taken by the mail server, left alone since its link was used or replaced, to be tried again, to ' +
      'be tried again though the server refuses us, or given up.',
    labels: { channel: ['mail'], result: ['sent', 'outdated', 'failed', 'refused', 'given_up'] },
  },
  ntt_auth_trace_spans_dropped_total: {
    help: 'Spans that reached no collector: too many waited, or it did not take them.',
    labels: { reason: ['queue_full', 'undelivered'] },
  },
  ntt_auth_audit_write_failures_total: { help: 'Audit lines that could not be written.' },
} as const satisfies Record<string, Entry>

export const histograms = {
  http_server_request_duration_seconds: {
    help: 'Time from the arrival of a request to the end of its answer, or until the caller hung up: before any answer, its status is "other".',
    labels: {
      http_request_method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'other'],
      http_route: 'routes',
      http_response_status_code: statuses,
    },
    buckets: seconds,
  },
  ntt_auth_password_hash_duration_seconds: {
    help: 'Time that a thread took for one password hash, without waiting.',
    labels: {
      algorithm: ['bcrypt', 'argon2', 'pbkdf2-sha1', 'pbkdf2-sha256', 'pbkdf2-sha512', 'scrypt', 'phpass'],
      op: ['hash', 'verify'],
    },
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  },
  ntt_auth_password_hash_wait_seconds: {
    help: 'Time that a password hash which was computed had waited for a thread.',
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5],
  },
  ntt_auth_db_pool_wait_seconds: {
    help: 'Time until a database connection was there, opened or free, or was waited for no longer.',
    buckets: milliseconds,
  },
  ntt_auth_db_query_duration_seconds: {
    help: 'Time from sending a statement to the database to its answer.',
    labels: { op: ['select', 'insert', 'update', 'delete', 'begin', 'commit', 'rollback', 'other'] },
    buckets: milliseconds,
  },
  ntt_auth_revocation_lag_seconds: {
    help: 'Time from a revocation to its effect on this node, made by this node (here) or by another (elsewhere).',
    labels: { origin: ['here', 'elsewhere'] },
    buckets: [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10],
  },
  ntt_auth_cleanup_batch_seconds: {
    help: 'Time that one batch of the cleanup took.',
    labels: { table: sweptTables },
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
  },
} as const satisfies Record<string, Entry & { buckets: readonly number[] }>

export const gauges = {
  http_server_active_requests: { help: 'Requests under way.' },
  ntt_auth_password_hash_in_flight: { help: 'Hashes that threads are computing.' },
  ntt_auth_password_hash_queue_depth: { help: 'Hashes that wait for a thread.' },
  ntt_auth_password_hash_threads: { help: 'Threads that hash passwords.' },
  ntt_auth_db_pool_connections: {
    help: 'Connections to the database; "pending" is how many wait for one, "max" how many there may be.',
    labels: { state: ['idle', 'used', 'pending', 'max'] },
  },
  ntt_auth_revocations: { help: 'Revocations that still matter, in memory.' },
  ntt_auth_revocations_age_seconds: { help: 'Time since this node last read what others revoked.' },
  ntt_auth_signing_keys: { help: 'Signing keys by state.', labels: { state: keyStates } },
  ntt_auth_signing_keys_unopened: {
    help: 'Signing keys in state "next" that no master key of this node opens; they never sign.',
  },
  ntt_auth_signing_key_age_seconds: {
    help: 'Age of the oldest signing key in that state, since it came into it.',
    labels: { state: keyStates },
  },
  ntt_auth_audit_checkpoint_age_seconds: {
    help: 'Time since every audit line was last seen to be covered by a signed checkpoint; some five minutes at most.',
  },
  ntt_auth_audit_checkpoints_disagree: {
    help: "1 while the database lacks or contradicts what this node's copy of the audit checkpoints has; it signs none then.",
  },
  ntt_auth_outbox_pending: {
    help: 'Mails that wait to be delivered, as of the last look.',
    labels: { channel: ['mail'] },
  },
  ntt_auth_outbox_rows: {
    help:
      'Mails in the outbox that were not sent, as of the last look: waiting, held by an operator until it is released, or ' +
      'given up. Mail that was sent is in ntt_auth_outbox_deliveries_total.',
    labels: { channel: ['mail'], state: ['waiting', 'held', 'failed'] },
  },
  ntt_auth_outbox_oldest_seconds: {
    help: 'For how long the oldest mail has been waiting, as of the last look.',
    labels: { channel: ['mail'] },
  },
  ntt_auth_redis_up: {
    help: '1 while Redis counts the calls of networks, 0 while the database does so for it; none where no Redis is set.',
  },
  ntt_auth_schema_version: { help: 'Number of the newest migration that this version knows.' },
  ntt_auth_build_info: { help: 'Always 1; the labels tell the version.', labels: { version: [], node: [] } },
  ntt_auth_insecure_setting: {
    help: '1 for a setting that is not fit for production.',
    labels: { name: insecureSettings },
  },
  ntt_auth_draining: { help: '1 while the server is about to stop.' },
  ntt_auth_ready: { help: '1 while the server can serve.' },
  ntt_auth_clock_skew_seconds: {
    help: "By how much the database's clock is ahead of this node's; none where the database has no clock of its own.",
  },
  ntt_auth_oldest_expired_row_seconds: {
    help: 'For how long the oldest row that should be gone has been due, as of the last cleanup.',
    labels: { table: sweptTables },
  },
  ntt_auth_chore_last_success_timestamp_seconds: {
    help: 'When this node last finished a chore; one node at a time does it.',
    labels: { chore: chores },
  },
} as const satisfies Record<string, Entry>

export type CounterName = keyof typeof counters
export type HistogramName = keyof typeof histograms
export type GaugeName = keyof typeof gauges

type LabelsOf<T> = T extends { labels: infer L } ? L : Record<never, never>
type ValueOf<L> = L extends readonly (infer V)[] ? V : string
/** The labels of a metric with the values they take. */
export type Given<T> = { [K in keyof LabelsOf<T>]: ValueOf<LabelsOf<T>[K]> }
