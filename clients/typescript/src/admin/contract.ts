// Generated from contract/openapi.json by scripts/generate.ts.

/** What `GET /v1/admin/users` takes. */
export type UserQuery = {
  /** what to look for: up to 200 characters, of which the first four words count. */
  q?: string
  /** one of "active", "pending", "disabled". */
  status?: 'active' | 'pending' | 'disabled'
  /** a role: a lower-case letter, then at most 62 of a-z 0-9 _ . : or -. */
  role?: string
  /** made at or after this time (RFC 3339). */
  created_after?: string
  /** made before this time (RFC 3339). */
  created_before?: string
  /** one of "created_at", "-created_at", "email". */
  sort?: 'created_at' | '-created_at' | 'email'
  /** how many, 1 to 200; 50 if left out. */
  limit?: number
}

/** What `GET /v1/admin/audit` takes. */
export type AuditQuery = {
  /** the name of an event, as docs/reference/audit-events.md lists them. */
  event?: 'user_registered' | 'registration_refused' | 'email_verification_sent' | 'email_verified' | 'email_change_started' | 'email_changed' | 'user_created' | 'users_imported' | 'users_exported' | 'user_updated' | 'user_roles_changed' | 'user_disabled' | 'user_enabled' | 'user_deletion_requested' | 'user_deletion_cancelled' | 'user_deleted' | 'login' | 'login_failed' | 'account_throttled' | 'account_locked' | 'account_unlocked' | 'session_ended' | 'sessions_ended' | 'password_changed' | 'password_refused' | 'password_reset_started' | 'password_reset' | 'refresh_token_reuse' | 'refresh_forward' | 'refresh_superseded' | 'refresh_from_elsewhere' | 'token_revoked' | 'service_created' | 'service_updated' | 'service_secret_created' | 'service_secret_replaced' | 'service_secret_deleted' | 'service_deleted' | 'signing_key_created' | 'signing_key_imported' | 'signing_key_moved' | 'signing_key_revoked' | 'signing_keys_resealed' | 'mail_withheld' | 'mail_held' | 'mail_released' | 'mail_discarded' | 'ends_reapplied'
  /** the id of a user whom it concerns. */
  user?: string
  /** the id of the user or service who did it. */
  actor?: string
  /** the id of the user, session, service, key or token to which it was done. */
  subject?: string
  /** at or after this time (RFC 3339). */
  since?: string
  /** before this time (RFC 3339). */
  until?: string
  /** how many, 1 to 200; 50 if left out. */
  limit?: number
}

/** What `POST /v1/admin/users` takes. */
export type UserInput = {
  /** an e-mail address, at most 254 bytes. */
  email: string
  /** a password of at most 256 characters. */
  password?: string
  name?: string | null
  locale?: string | null
  /** at most 50 different roles. */
  roles?: string[]
  /** whether the address is known to be the user’s. */
  email_verified?: boolean
  /** a JSON object of your own. */
  metadata?: Record<string, unknown>
}

/** What `PATCH /v1/admin/users/{id}` takes. */
export type UserChange = {
  /** an e-mail address, at most 254 bytes. */
  email?: string
  name?: string | null
  locale?: string | null
  /** at most 50 different roles. */
  roles?: string[]
  /** whether the address is known to be the user’s. */
  email_verified?: boolean
  /** a JSON object of your own. */
  metadata?: Record<string, unknown>
}

/** What `POST /v1/admin/keys/rotate` takes. */
export type KeyRotation = {
  /** also when the next key has not been published for as long as verifiers may keep the key set. */
  now?: boolean
  /** the id of a key that fell into wrong hands: it goes at once, and what it signed is dead. */
  compromised?: string
}

/** What `POST /v1/admin/services` takes. */
export type ServiceInput = {
  /** a name of 1 to 200 characters, not only blanks, without control characters. */
  name: string
  /** what the service may do, one scope at least. */
  scopes: ('introspect' | 'revoke' | 'revocations:read' | 'users:read')[]
  /** seconds for which the secret lives, 60 or more; left out or null: until it is replaced or deleted. */
  expires_in?: number | null
}

/** What `PATCH /v1/admin/services/{id}` takes. */
export type ServiceChange = {
  /** a name of 1 to 200 characters, not only blanks, without control characters. */
  name?: string
  /** what the service may do. */
  scopes?: ('introspect' | 'revoke' | 'revocations:read' | 'users:read')[]
}

/** What `POST /v1/admin/services/{id}/secrets` takes. */
export type SecretInput = {
  /** seconds for which the secrets before live on; 3600 if left out, 0 ends them at once. */
  overlap?: number
  /** seconds for which the secret lives, 60 or more; left out or null: until it is replaced or deleted. */
  expires_in?: number | null
}

/** What `GET /v1/admin/users/{id}` answers. */
export type AdminUser = {
  /** an id as this server hands it out (UUID version 7, lower case). */
  readonly id: string
  readonly email: string
  readonly email_verified: boolean
  readonly name: string | null
  readonly locale: string | null
  readonly roles: readonly string[]
  readonly status: 'active' | 'pending' | 'disabled'
  readonly metadata: Readonly<Record<string, unknown>>
  /** RFC 3339, UTC. */
  readonly created_at: string
  /** RFC 3339, UTC. */
  readonly updated_at: string
  /** RFC 3339, UTC. */
  readonly last_login_at: string | null
  /** Its owner has deleted it: from then on it is gone, unless the owner logs in before. For administrators, not for services. */
  readonly deletion_due_at?: string | null
  /** Why no password, not even the right one, is taken now except from devices the user has been on before, and until when; with "until" null only an unlocking or a new password by a mailed link helps. Null: it may log in. For administrators, not for services. */
  readonly locked?: {
    readonly reason: 'wrong_passwords' | 'too_many_wrong_passwords'
    /** Wrong passwords in a row. */
    readonly failures: number
    readonly until: string | null
  } | null
}

/** What `POST /v1/admin/users` answers. */
export type CreatedUser = {
  /** an id as this server hands it out (UUID version 7, lower case). */
  readonly id: string
  readonly email: string
  readonly email_verified: boolean
  readonly name: string | null
  readonly locale: string | null
  readonly roles: readonly string[]
  readonly status: 'active' | 'pending' | 'disabled'
  readonly metadata: Readonly<Record<string, unknown>>
  /** RFC 3339, UTC. */
  readonly created_at: string
  /** RFC 3339, UTC. */
  readonly updated_at: string
  /** RFC 3339, UTC. */
  readonly last_login_at: string | null
  readonly invitation: {
    /** For POST /v1/auth/reset-password, once. */
    readonly token: string
    /** To the app's own page, with the token behind the #; without APP_URL to a page of this server. */
    readonly link: string
    /** RFC 3339, UTC. */
    readonly expires_at: string
  } | null
}

/** What `POST /v1/admin/users/{id}/reset-password` answers. */
export type ResetLink = {
  /** For POST /v1/auth/reset-password, once. */
  readonly token: string
  /** To the app's own page, with the token behind the #; without APP_URL to a page of this server. */
  readonly link: string
  /** RFC 3339, UTC. */
  readonly expires_at: string
}

/** What `GET /v1/admin/stats` answers. */
export type Stats = {
  /** RFC 3339, UTC. */
  readonly server_time: string
  /** RFC 3339, UTC. */
  readonly started_at: string
  /** Users with the role admin, up to 1000. */
  readonly administrators: number
  readonly revocations: {
    /** In the live set, which tokens are held to. */
    readonly live: number
  }
  readonly hashing: {
    readonly threads: number
    readonly queued: number
    readonly in_flight: number
    /** Expected milliseconds for one hash. */
    readonly hash_ms: number
    readonly computed: number
    /** Refused on arrival. */
    readonly shed: number
    /** Refused after waiting. */
    readonly expired: number
  }
}

/** What `GET /v1/admin/services/{id}` answers. */
export type Service = {
  /** an id as this server hands it out (UUID version 7, lower case). */
  readonly id: string
  /** Its name in HTTP Basic. */
  readonly client_id: string
  readonly name: string
  readonly scopes: readonly string[]
  /** RFC 3339, UTC. */
  readonly created_at: string
  /** Those that are alive, at most two. */
  readonly secrets: readonly ({
    /** an id as this server hands it out (UUID version 7, lower case). */
    readonly id: string
    /** RFC 3339, UTC. */
    readonly created_at: string
    readonly expires_at: string | null
    /** To the minute. */
    readonly last_used_at: string | null
  })[]
}

/** What `POST /v1/admin/services` answers. */
export type ServiceWithSecret = {
  /** an id as this server hands it out (UUID version 7, lower case). */
  readonly id: string
  /** Its name in HTTP Basic. */
  readonly client_id: string
  readonly name: string
  readonly scopes: readonly string[]
  /** RFC 3339, UTC. */
  readonly created_at: string
  /** Those that are alive, at most two. */
  readonly secrets: readonly ({
    /** an id as this server hands it out (UUID version 7, lower case). */
    readonly id: string
    /** RFC 3339, UTC. */
    readonly created_at: string
    readonly expires_at: string | null
    /** To the minute. */
    readonly last_used_at: string | null
  })[]
  /** Shown this once. */
  readonly client_secret: string
}

/** One of those that `GET /v1/admin/audit` answers. */
export type AuditLine = {
  /** The chain of the line, and its number there. */
  readonly id: string
  /** RFC 3339, UTC. */
  readonly at: string
  readonly event: string
  readonly actor: {
    /** anyone, user, service, operator or system. */
    readonly kind: string
    readonly id: string | null
  }
  readonly subject: {
    readonly kind: string
    readonly id: string
  } | null
  readonly user_id: string | null
  readonly reason: string | null
  readonly request_id: string | null
  readonly ip: string | null
  readonly details: Readonly<Record<string, unknown>>
  readonly personal: Readonly<Record<string, unknown>>
  /** It said something about a person that was erased. */
  readonly erased: boolean
}

/** One of those that `GET /v1/admin/keys` answers. */
export type SigningKey = {
  readonly kid: string
  readonly algorithm: string
  /** next, active or retiring. */
  readonly state: string
  /** RFC 3339, UTC. */
  readonly created_at: string
  readonly activated_at: string | null
  readonly retired_at: string | null
}
