import type { App } from '../app.ts'
import type { CounterName, GaugeName } from '../metrics/table.ts'
import { packageVersion } from '../package-file.ts'

type Value = { labels: Record<string, string>; value: number }

/** How each gauge is read when somebody asks. */
export function gaugeReadings(app: App): Record<GaugeName, () => Value[] | Promise<Value[]>> {
  const one = (value: number): Value[] => [{ labels: {}, value }]
  const byState = (values: Record<string, number>): Value[] =>
    Object.entries(values).map(([state, value]) => ({ labels: { state }, value }))
  const kept = (name: GaugeName) => () => [...app.meter.found(name)]
  const { hasher, keyring, readiness, database, feed, revocations, clock } = app

  return {
    http_server_active_requests: () => one(app.meter.activeRequests),
    ntt_auth_password_hash_in_flight: () => one(hasher.stats().inFlight),
    ntt_auth_password_hash_queue_depth: () => one(hasher.stats().queued),
    ntt_auth_password_hash_threads: () => one(hasher.stats().threads),
    ntt_auth_db_pool_connections: () => byState(database.pool()),
    ntt_auth_revocations: () => one(revocations.size()),
    ntt_auth_revocations_age_seconds: () => one(feed.age() / 1000),
    ntt_auth_signing_keys: () => {
      const states = { next: 0, active: 0, retiring: 0 }
      for (const { state } of keyring.states()) if (state !== 'removed') states[state]++
      return byState(states)
    },
    ntt_auth_signing_keys_unopened: () => one(keyring.unopened().length),
    ntt_auth_signing_key_age_seconds: () => {
      const ages: Record<string, number> = {}
      for (const { state, ...times } of keyring.states()) {
        const since = times.retired_at ?? times.activated_at ?? times.created_at
        ages[state] = Math.max(ages[state] ?? 0, (clock.now() - since) / 1000)
      }
      return byState(ages)
    },
    ntt_auth_audit_checkpoint_age_seconds: () => one(Math.max(0, clock.now() - app.auditCovered.at) / 1000),
    ntt_auth_audit_checkpoints_disagree: () => one(app.auditCovered.disagrees ? 1 : 0),
    ntt_auth_outbox_pending: kept('ntt_auth_outbox_pending'),
    ntt_auth_outbox_rows: kept('ntt_auth_outbox_rows'),
    ntt_auth_outbox_oldest_seconds: kept('ntt_auth_outbox_oldest_seconds'),
    ntt_auth_redis_up: () => (app.throttle.redis ? one(app.throttle.redis.isUp() ? 1 : 0) : []),
    ntt_auth_schema_version: () => one(app.schemaVersion),
    ntt_auth_build_info: () => [{ labels: { version: packageVersion(), node: process.versions.node }, value: 1 }],
    ntt_auth_insecure_setting: () => app.config.insecure.map((name) => ({ labels: { name }, value: 1 })),
    ntt_auth_draining: () => one(readiness.draining() ? 1 : 0),
    ntt_auth_ready: async () => one((await readiness.check()).ready ? 1 : 0),
    ntt_auth_clock_skew_seconds: async () => {
      const skew = await app.time.skew().catch(() => null)
      return skew === null ? [] : one(skew / 1000)
    },
    ntt_auth_oldest_expired_row_seconds: kept('ntt_auth_oldest_expired_row_seconds'),
    ntt_auth_chore_last_success_timestamp_seconds: kept('ntt_auth_chore_last_success_timestamp_seconds'),
  }
}

/** Counters that somebody keeps already. */
export function keptCounts({ hasher, auditNotes }: App): Partial<Record<CounterName, () => Value[]>> {
  return {
    ntt_auth_password_hash_rejected_total: () => [
      { labels: { reason: 'queue_full' }, value: hasher.stats().shed },
      { labels: { reason: 'deadline' }, value: hasher.stats().expired },
    ],
    ntt_auth_password_hash_abandoned_total: () => [{ labels: {}, value: hasher.stats().abandoned }],
    ntt_auth_password_hash_threads_lost_total: () => [{ labels: {}, value: hasher.stats().crashed }],
    ntt_auth_audit_write_failures_total: () => [{ labels: {}, value: auditNotes.lost() }],
  }
}
