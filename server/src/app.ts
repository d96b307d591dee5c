import type { Logger } from 'pino'
import { mendCertificate } from './certificates.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config/config.ts'
import { explainPlace } from './config/data-directory.ts'
import { findMasterKeys, loadMasterKeys, lostMasterKey } from './config/master-key.ts'
import { parseRedisUrl } from './config/redis-url.ts'
import { parseSmtpUrl } from './config/smtp-url.ts'
import { type Database, openDatabase } from './database/connect.ts'
import { groupCommit } from './database/group-commit.ts'
import { migrations } from './database/migrations.ts'
import { retryCodeOf } from './database/retry-codes.ts'
import { commonTime } from './database/time.ts'
import { parseDatabaseUrl } from './database/url.ts'
import { systemNameOf } from './database/watch.ts'
import { openLanes } from './domain/audit/lanes.ts'
import { openNotes } from './domain/audit/notes.ts'
import { openJournal } from './domain/journal/journal.ts'
import { keyring } from './domain/keys/keyring.ts'
import { keyReader } from './domain/keys/reader.ts'
import { listSigningKeys } from './domain/keys/store.ts'
import { openMail } from './domain/outbox/open.ts'
import { startHasher } from './domain/passwords/hasher.ts'
import { feedCursors } from './domain/revocations/cursor.ts'
import { revocationFeed } from './domain/revocations/feed.ts'
import { followers } from './domain/revocations/followers.ts'
import { liveSet } from './domain/revocations/live-set.ts'
import { naming } from './domain/throttling/names.ts'
import { redisBuckets } from './domain/throttling/redis.ts'
import { refusals } from './domain/throttling/refusals.ts'
import { type AccessTokenRules, longestLifeSeconds } from './domain/tokens/access-token.ts'
import { refreshTokens } from './domain/tokens/refresh-token.ts'
import { verifiedCache } from './domain/tokens/verified-cache.ts'
import type { Afterwards } from './flows/after-the-answer.ts'
import type { RememberedServices } from './flows/identify-service.ts'
import { createMeter, type Meter } from './metrics/meter.ts'
import { randomToken } from './random.ts'
import { readiness } from './readiness.ts'
import type { Tracing } from './tracing/tracing.ts'

/** What flows and doors share: built once, in order, and handed down as their first argument. */
export type App = ReturnType<typeof buildApp>

const verifiedTokensKept = 8192
/** Milliseconds: below it nobody waited. */
const worthASpan = 1

/** Opens what the configuration names. Nothing is written in the database yet (`start.ts` does). */
export async function createApp(
  config: Config,
  log: Logger,
  clock: Clock,
  tracing: Tracing | null = null,
): Promise<App> {
  const known = findMasterKeys(config)
  const meter = createMeter()
  const system = { 'db.system.name': systemNameOf(parseDatabaseUrl(config.databaseUrl)) }
  const database = await openDatabase({
    url: config.databaseUrl,
    poolSize: config.databasePoolSize,
    timeout: config.databaseTimeout,
    onRetry: (error) => meter.count('ntt_auth_db_tx_retries_total', { code: retryCodeOf(error), outcome: 'repeated' }),
    onGiveUp: (error) => meter.count('ntt_auth_db_tx_retries_total', { code: retryCodeOf(error), outcome: 'given_up' }),
    onWork: {
      waited(milliseconds) {
        meter.observe('ntt_auth_db_pool_wait_seconds', {}, milliseconds / 1000)
        if (milliseconds >= worthASpan) tracing?.past('database connection wait', milliseconds)
      },
      ran(op, milliseconds, failed) {
        meter.observe('ntt_auth_db_query_duration_seconds', { op }, milliseconds / 1000)
        tracing?.past(`database ${op}`, milliseconds, { attributes: { ...system, 'db.operation.name': op }, failed })
      },
    },
    around: tracing ? (transaction) => tracing.within('database transaction', transaction) : undefined,
  }).catch((error) => {
    throw explainPlace(error, config)
  })
  try {
    // Before a key is made: the wrong one would be in the way of the right one.
    if (known === null && (await holdsSigningKeys(database))) throw lostMasterKey(config)
    return buildApp(config, log, clock, known ?? loadMasterKeys(config), database, meter, tracing)
  } catch (error) {
    await database.close()
    throw explainPlace(error, config)
  }
}

async function holdsSigningKeys(database: Database): Promise<boolean> {
  const { db, dialect } = database
  return (await dialect.hasTable(db, 'signing_keys')) && (await listSigningKeys(db)).length > 0
}

function buildApp(
  config: Config,
  log: Logger,
  clock: Clock,
  masterKeys: Buffer[],
  database: Database,
  meter: Meter,
  tracing: Tracing | null,
) {
  const keys = keyring(masterKeys)
  const accessTokenRules: AccessTokenRules = {
    keys: keys.verifier,
    issuer: config.issuer,
    audience: config.audience,
    longestLife: longestLifeSeconds,
  }
  const feed = revocationFeed()
  feed.onLag((milliseconds, origin) =>
    meter.observe('ntt_auth_revocation_lag_seconds', { origin }, milliseconds / 1000),
  )
  tracing?.onLost((spans, reason) => meter.count('ntt_auth_trace_spans_dropped_total', { reason }, spans))
  const pending = new Set<Promise<void>>()
  const lastWorks: (() => Promise<void>)[] = []
  return {
    config,
    log,
    clock,
    masterKeys,
    database,
    time: commonTime(database, clock),
    meter,
    /** Null where nobody traces. */
    tracing,
    /** The newest schema that this version knows. */
    schemaVersion: migrations.length,
    /** Runs a guarded write and answers after its commit; where one connection serves all, one commit serves many. */
    commit: groupCommit(database),
    keyring: keys,
    keys: keyReader(database.db, keys),
    readiness: readiness(
      database,
      clock,
      () => keys.signer() !== null,
      () => feed.age() <= config.revocationMaxAge,
    ),
    accessTokenRules,
    verifiedTokens: verifiedCache(verifiedTokensKept),
    services: new Map() as RememberedServices,
    refreshTokens: refreshTokens(masterKeys),
    throttle: {
      name: naming(masterKeys),
      refusals: refusals(),
      /** Null where the database counts alone. */
      redis:
        config.redisUrl === null || !config.rateLimits
          ? null
          : redisBuckets(parseRedisUrl(config.redisUrl), {
              away: (err) => {
                const mend = mendCertificate(err, 'NTT_AUTH_REDIS_URL')
                const says = 'Redis is away: the database counts the calls of networks meanwhile'
                log.warn({ err }, mend === null ? says : `${says}. ${mend}`)
              },
              back: () => log.info('Redis is back'),
            }),
    },
    revocations: liveSet(),
    feed,
    feedCursors: feedCursors(masterKeys),
    followers: followers(config.revocationStreams),
    journal: openJournal(`${config.dataDir}/journal`, randomToken(6).toLowerCase().replaceAll('_', '-')),
    audit: openLanes(),
    auditNotes: openNotes(),
    /**
     * When every audit line was last seen to be covered by a checkpoint, in milliseconds since 1970, and whether this
     * node's copy of the checkpoints disagrees with the database.
     */
    auditCovered: { at: clock.now(), disagrees: false },
    mail: openMail(
      config.smtpUrl === null ? null : { ...parseSmtpUrl(config.smtpUrl), timeout: config.smtpTimeout },
      config.mailFrom,
      config.mailTemplates,
    ),
    hasher: startHasher({
      threads: config.hashThreads,
      maxWait: config.hashMaxWait,
      onComputed({ op, kind, waited, milliseconds }) {
        meter.observe('ntt_auth_password_hash_duration_seconds', { algorithm: kind, op }, milliseconds / 1000)
        meter.observe('ntt_auth_password_hash_wait_seconds', {}, waited / 1000)
        tracing?.past('password hash wait', waited, { ago: milliseconds })
        tracing?.past(`password ${op}`, milliseconds, { attributes: { 'ntt_auth.algorithm': kind } })
      },
      wanted: config.passwordHash === 'bcrypt' ? { scheme: 'bcrypt', cost: config.bcryptCost } : { scheme: 'argon2id' },
    }),
    /** What must not be told by the time an answer takes (`flows/after-the-answer.ts`). */
    afterwards: { waiting: 0, last: Promise.resolve() } as Afterwards,
    /** Work that the answer does not wait for; a stop does. */
    later(work: () => Promise<void>) {
      const done = work()
        .catch((error) => log.error({ err: error }, 'work after an answer failed'))
        .finally(() => pending.delete(done))
      pending.add(done)
    },
    /** Work to be done when everything else is, before the database is closed. */
    atLast(work: () => Promise<void>) {
      lastWorks.push(work)
    },
    /** Waits for what the answers did not wait for, and closes what was opened. */
    async close() {
      while (pending.size > 0) await Promise.all(pending)
      for (const work of lastWorks) await work()
      this.mail.close()
      this.throttle.redis?.close()
      await this.hasher.close()
      this.journal.close()
      await database.close()
      await tracing?.close()
    },
  }
}
