/**
 * The tables, typed: one interface each. Ids are UUIDv7 text, times are milliseconds since 1970, flags are 0 or 1,
 * lists and objects are JSON text, so that a row reads the same in every database.
 */
export interface Schema {
  users: UserRow
  user_roles: UserRoleRow
  user_words: UserWordRow
  latches: LatchRow
  one_time_tokens: OneTimeTokenRow
  outbox: OutboxRow
  passwords: PasswordRow
  hash_formats: HashFormatRow
  sessions: SessionRow
  revocations: RevocationRow
  revocation_feed: RevocationFeedRow
  signing_keys: SigningKeyRow
  services: ServiceRow
  service_secrets: ServiceSecretRow
  audit_lines: AuditLineRow
  audit_writers: AuditWriterRow
  audit_persons: AuditPersonRow
  audit_checkpoints: AuditCheckpointRow
  guesses: GuessRow
  buckets: BucketRow
  leases: LeaseRow
  chore_runs: ChoreRunRow
  schema_migrations: SchemaMigrationRow
}

export interface UserRow {
  id: string
  /** Normalised by `domain/users/email.ts`; ASCII, at most 254 bytes; unique byte by byte. */
  email: string
  email_verified: number
  name: string | null
  locale: string | null
  /** JSON array of strings. */
  roles: string
  status: 'active' | 'pending' | 'disabled'
  /** JSON object. */
  metadata: string
  created_at: number
  updated_at: number
  last_login_at: number | null
  /** Its owner has deleted it; gone for good from then on, unless the owner logs in before. */
  deletion_due_at: number | null
  /** Since when whoever registered the address has been asked to confirm it; null: nobody is. Nobody else's claim is weaker. */
  unconfirmed_since: number | null
  /** Another one with every change of the roles; null before the first. */
  roles_id: string | null
}

/** The roles of `users.roles` once more, one a row, to find users by; kept in step by `domain/users/`. */
export interface UserRoleRow {
  user_id: string
  role: string
}

/** Where a search finds a user by name: each word of it, folded by `domain/users/words.ts`. */
export interface UserWordRow {
  user_id: string
  word: string
}

/** A row that transactions change which must not run side by side; `turn` counts them. */
export interface LatchRow {
  name: string
  turn: number
}

/** What a mailed link carries; the token itself is not kept. */
export interface OneTimeTokenRow {
  id: string
  /** SHA-256 of 256 random bits. */
  hash: Buffer
  purpose: 'invitation' | 'password_reset' | 'email_verification' | 'email_change'
  user_id: string
  /** The address it was made for: worth nothing once the user has another. Of a change of address, the new one. */
  email: string
  created_at: number
  expires_at: number
  used_at: number | null
  /** 1: it travelled by mail only, so that showing it shows that the address is the user's. */
  mailed: number
}

/** A mail, from the transaction that caused it until some time after its delivery. */
export interface OutboxRow {
  id: string
  recipient: string
  template: string
  /** What it is counted as, where it was caused by somebody who need not be its reader (`flows/mail-budget.ts`). */
  budget: string | null
  locale: string | null
  /** What the template is filled with, as JSON, sealed by the master key: links hold tokens. Empty once it is over. */
  sealed: Buffer
  /** Held: an operator wants to look at it first. */
  state: 'waiting' | 'held' | 'sent' | 'failed'
  /** Who is delivering it, or did so last. */
  claim: string | null
  /** How many deliveries were begun. */
  attempts: number
  /** When it is to be tried; while somebody tries, when others may take over. */
  due_at: number
  /** From here on it would be of no use. */
  expires_at: number
  created_at: number
  finished_at: number | null
  last_error: string | null
}

export interface PasswordRow {
  user_id: string
  /** Modular crypt or PHC string. */
  hash: string
  changed_at: number
}

/** What imported password hashes cost, so that every node knows before their owners log in. */
export interface HashFormatRow {
  /** Of the slow call that a hash comes down to, such as `scrypt`. */
  kind: string
  /** The cheapest and the dearest of the kind, in units that grow in step with its time. */
  least: number
  most: number
}

/** One login on one device, one refresh-token chain; no row per rotation. */
export interface SessionRow {
  id: string
  user_id: string
  /** How many times the chain was rotated, from 0. */
  generation: number
  rotated_at: number
  /** 8 × 8 bytes, newest first: who used generation − 1 − i. All 0: no key. All 1: unknown. */
  redeemers: Buffer
  idle_expires_at: number
  absolute_expires_at: number
  ended_at: number | null
  end_reason: string | null
  created_at: number
  last_used_at: number
  last_ip: string | null
  user_agent: string | null
  device_name: string | null
}

/** What was revoked and is still remembered, because a token made before could still be alive. */
export interface RevocationRow {
  id: string
  kind: 'session' | 'user' | 'roles' | 'token' | 'key'
  /** The session's, user's, token's or key's id, or that of the roles as they were given (`roles_id`). */
  subject: string
  /** Tokens issued before this time are dead. */
  before_at: number
  /** From here on no such token can be alive: the row may go. */
  until_at: number
  reason: string
  revoked_at: number
  /** Its place in the feed, given after the commit; `unplaced` until then (`domain/revocations/place.ts`). */
  position: number
}

/** The last place given in the feed: one row, advanced by compare-and-set. */
export interface RevocationFeedRow {
  name: string
  position: number
}

export interface SigningKeyRow {
  kid: string
  algorithm: string
  state: 'next' | 'active' | 'retiring' | 'removed'
  /** Public JWK as JSON text. */
  public_jwk: string
  /** PKCS#8 DER, sealed by the master key (`domain/keys/seal.ts`). */
  sealed_private: Buffer
  created_at: number
  activated_at: number | null
  retired_at: number | null
  /** When it was revoked; null: never. Such a row stays for ever. */
  revoked_at: number | null
}

/** Another program that calls us with a credential of its own. */
export interface ServiceRow {
  id: string
  client_id: string
  name: string
  /** JSON array of strings. */
  scopes: string
  created_at: number
  /** When name or scopes were changed, or a secret made; null before. */
  updated_at: number | null
}

/** Two may be alive at once, so that a secret can be changed without a pause. */
export interface ServiceSecretRow {
  id: string
  service_id: string
  /** SHA-256 of 256 random bits: nothing to guess, so nothing slow. */
  hash: Buffer
  created_at: number
  expires_at: number | null
  /** To the minute. */
  last_used_at: number | null
}

/** One thing that happened; `hash` covers the row and, by `prev_hash`, everything its writer wrote before. */
export interface AuditLineRow {
  writer: string
  /** From 1, without a gap. */
  seq: number
  at: number
  event: string
  actor_kind: string
  actor_id: string | null
  subject_kind: string | null
  subject_id: string | null
  /** The user whom it concerns, also where the subject is a session of that user. */
  user_id: string | null
  reason: string | null
  request_id: string | null
  /** JSON object. */
  details: string
  /** What tells about the actor as a person, sealed by that person's secret (`domain/audit/personal.ts`). */
  actor_sealed: Buffer | null
  /** The same of the user whom it concerns. */
  user_sealed: Buffer | null
  prev_hash: Buffer
  hash: Buffer
}

/** Who writes, or wrote, a chain of audit lines. */
export interface AuditWriterRow {
  writer: string
  started_at: number
  /** The last line that a checkpoint covers; 0: none yet. */
  covered_seq: number
  /** The checkpoint that says that this chain goes, once it is older than the retention. */
  removed_in: number | null
}

/** What opens the personal data of a user in the audit log; without the secret nobody can read it any more. */
export interface AuditPersonRow {
  user_id: string
  secret: Buffer | null
  erased_at: number | null
}

/** A signed statement of how far each chain of the audit log goes. */
export interface AuditCheckpointRow {
  number: number
  at: number
  /** Whose signature: an id of the public key. */
  key_id: string
  /** JSON, the very bytes that are hashed and signed. */
  body: string
  hash: Buffer
  signature: Buffer
}

/** Wrong passwords in a row, of one account or known device; the name is a keyed hash (`domain/throttling/names.ts`). */
export interface GuessRow {
  name: string
  failures: number
  last_at: number
  /** When the row may go; null: never, because only an unlocking helps. */
  forgotten_at: number | null
}

/** How full a rate is: the time at which it will be empty again. */
export interface BucketRow {
  name: string
  empty_at: number
}

/** Who may do a thing that only one node may do at a time; taken by compare-and-set. */
export interface LeaseRow {
  name: string
  owner: string
  expires_at: number
  /** Grows with every change of owner: work done under an older number is stale. */
  fence: number
}

/** When a chore was last done to its end, by whichever node. */
export interface ChoreRunRow {
  name: string
  finished_at: number
}

/** One row per migration step: written before the step as started, and after it as finished. */
export interface SchemaMigrationRow {
  migration: string
  step: number
  started_at: number
  finished_at: number | null
}
