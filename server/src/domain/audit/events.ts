/**
 * Everything that the audit log can say, in one table; `docs/reference/audit-events.md` is generated from it. An event
 * is never renamed: searches and exports go by it.
 */
export const auditEvents = {
  user_registered: { meaning: 'A stranger became a user.', subject: 'user', details: ['session'] },
  registration_refused: {
    meaning: 'Somebody registered an address that has an account; its owner was told by mail.',
    subject: 'user',
    details: [],
  },
  email_verification_sent: { meaning: 'Another link to verify an address was mailed.', subject: 'user', details: [] },
  email_verified: { meaning: 'A user has shown that the address is its own.', subject: 'user', details: [] },
  email_change_started: { meaning: 'A user asked for another address.', subject: 'user', details: [] },
  email_changed: { meaning: 'A user has another address, which it confirmed.', subject: 'user', details: [] },
  user_created: { meaning: 'An administrator or operator made a user.', subject: 'user', details: ['roles'] },
  users_imported: {
    meaning:
      'An operator brought users from a file: so many, from these lines of it; one entry for each portion of a run.',
    subject: null,
    details: ['run', 'count', 'first_line', 'last_line'],
  },
  users_exported: {
    meaning: 'An operator began to write out all users, with or without the hashes of their passwords.',
    subject: null,
    details: ['password_hashes'],
  },
  user_updated: { meaning: 'Fields of a user changed; which ones.', subject: 'user', details: ['fields'] },
  user_roles_changed: { meaning: 'A user got other roles.', subject: 'user', details: ['before', 'after'] },
  user_disabled: { meaning: 'A user was disabled, and its sessions ended.', subject: 'user', details: [] },
  user_enabled: { meaning: 'A user was enabled again.', subject: 'user', details: [] },
  user_deletion_requested: {
    meaning:
      'A user has deleted its account; its sessions ended, and it is gone at that time unless its owner logs in.',
    subject: 'user',
    details: ['due_at'],
  },
  user_deletion_cancelled: {
    meaning: 'A user logged in before its deletion was due, and stays.',
    subject: 'user',
    details: [],
  },
  user_deleted: {
    meaning: 'A user is gone, and with it what this log said about the person.',
    subject: 'user',
    details: [],
    erases: true,
  },
  login: { meaning: 'A user logged in.', subject: 'user', details: ['session'] },
  login_failed: {
    meaning: 'Somebody failed to log in; the user is named where the address is that of one.',
    subject: 'user',
    details: [],
    afterwards: true,
  },
  account_throttled: {
    meaning:
      'So many wrong passwords in a row that the next guess has to wait; "of" says whose: account or known device.',
    subject: 'user',
    details: ['failures', 'of'],
    afterwards: true,
  },
  account_locked: {
    meaning: 'So many wrong passwords in a row that only a new password or an administrator helps; "of" says whose.',
    subject: 'user',
    details: ['failures', 'of'],
    afterwards: true,
  },
  account_unlocked: { meaning: 'Failures to log in were forgotten for a user.', subject: 'user', details: [] },
  session_ended: { meaning: 'One session ended; the reason is that of the session.', subject: 'session', details: [] },
  sessions_ended: {
    meaning: 'Several sessions of a user ended, all or all but one; the reason is that of the sessions.',
    subject: 'user',
    details: ['count', 'kept'],
  },
  password_changed: { meaning: 'A user changed its password.', subject: 'user', details: ['session'] },
  password_refused: {
    meaning: 'Somebody who was logged in gave a wrong current password; the reason says for what.',
    subject: 'user',
    details: [],
    afterwards: true,
  },
  password_reset_started: { meaning: 'A link to set a new password was made.', subject: 'user', details: [] },
  password_reset: {
    meaning: 'A new password was set by such a link, and the sessions ended.',
    subject: 'user',
    details: [],
  },
  refresh_token_reuse: {
    meaning: 'A refresh token was used by two: a copy was stolen. The session ended.',
    subject: 'session',
    details: ['generation', 'presented'],
  },
  refresh_forward: {
    meaning: 'A refresh token was ahead of the database, as after a restore; without one this is an alert.',
    subject: 'session',
    details: ['generation', 'presented'],
  },
  refresh_superseded: {
    meaning: 'A refresh came late, after newer ones of the same client.',
    subject: 'session',
    details: ['generation', 'presented'],
    afterwards: true,
  },
  refresh_from_elsewhere: {
    meaning: 'A refresh was repeated from another address than the first time: the trace of a copied store.',
    subject: 'session',
    details: ['generation', 'presented'],
    afterwards: true,
  },
  token_revoked: { meaning: 'An access token was revoked by itself.', subject: 'token', details: [] },
  service_created: { meaning: 'A service was admitted.', subject: 'service', details: ['scopes'] },
  service_updated: { meaning: 'A service was changed; which fields.', subject: 'service', details: ['fields'] },
  service_secret_created: { meaning: 'A service got a new secret.', subject: 'service', details: ['secret'] },
  service_secret_replaced: {
    meaning: 'A secret of a service was followed by a new one, and dies sooner than it would have; when.',
    subject: 'service',
    details: ['secret', 'expires_at'],
  },
  service_secret_deleted: {
    meaning: 'A secret of a service is dead, deleted by itself or replaced at once.',
    subject: 'service',
    details: ['secret'],
  },
  service_deleted: { meaning: 'A service is no longer admitted.', subject: 'service', details: [] },
  signing_key_created: { meaning: 'A signing key was made.', subject: 'key', details: ['state'] },
  signing_key_imported: { meaning: 'A signing key came from a file.', subject: 'key', details: ['algorithm'] },
  signing_key_moved: { meaning: 'A signing key went to its next state.', subject: 'key', details: ['to'] },
  signing_key_revoked: {
    meaning: 'A signing key was compromised; its tokens are dead.',
    subject: 'key',
    details: ['state'],
  },
  signing_keys_resealed: {
    meaning: 'Signing keys were sealed anew, by the newest master key.',
    subject: null,
    details: ['count'],
  },
  mail_withheld: {
    meaning:
      'Somebody asked for a link to an address that gets none: unknown, closed, or written to a moment ago. Which one is not said.',
    subject: null,
    details: [],
  },
  mail_held: {
    meaning: 'An operator held back mail that waited; how many mails.',
    subject: null,
    details: ['count'],
  },
  mail_released: { meaning: 'Mail that was held back is sent after all.', subject: null, details: ['count'] },
  mail_discarded: {
    meaning: 'An operator discarded mail that was not sent yet; nobody will get it.',
    subject: null,
    details: ['count'],
  },
  ends_reapplied: {
    meaning: 'The database had gone back; ends that it had lost were applied again from the journal.',
    subject: null,
    details: ['count'],
  },
} as const satisfies Record<string, Entry>

type Entry = {
  /** One sentence. */
  meaning: string
  subject: SubjectKind | null
  /** The names that its details may have. Nothing personal belongs there: it could not be erased. */
  details: readonly string[]
  /** The personal data of the subject goes with it. */
  erases?: true
  /** Written after the answer and not with a change: it may be missing after a crash. */
  afterwards?: true
}

export type SubjectKind = 'user' | 'session' | 'service' | 'key' | 'token'
export type AuditEventName = keyof typeof auditEvents
export const auditEventNames = Object.keys(auditEvents) as AuditEventName[]

/** Those with which a person goes. */
export const erasingEvents = auditEventNames.filter((name) => auditEventOf(name).erases)

export function auditEventOf(name: AuditEventName): Entry {
  return auditEvents[name]
}

/** What tells about a person; kept so that it can be erased (`personal.ts`). */
export type Personal = { email?: string; name?: string; user_agent?: string; device_name?: string; former_ip?: string }

type Scalar = string | number | boolean | null

/** One thing that happened, as a flow reports it. */
export type AuditEvent = { [Name in AuditEventName]: EventOf<Name> }[AuditEventName]

type EventOf<Name extends AuditEventName> = {
  event: Name
  subject?: { kind: SubjectKind; id: string }
  /** The user whom it concerns, where the subject is something else. */
  user?: string
  reason?: string
  details?: { [Detail in (typeof auditEvents)[Name]['details'][number]]?: Scalar }
  /** Data of the user whom it concerns; left out where there is none. */
  personal?: Personal
}
