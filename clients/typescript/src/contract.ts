// Generated from contract/openapi.json by scripts/generate.ts.

/** An account, as its owner sees it. */
export type User = {
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
  readonly last_login_at: string | null
}

/** What the server answers to a login or a refresh; the client keeps it to itself. */
export type Tokens = {
  /** A JWT (RFC 9068); send it as "Authorization: Bearer …". */
  readonly access_token: string
  readonly token_type: 'Bearer'
  /** Seconds until the access token expires. */
  readonly expires_in: number
  /** Seconds after which a client should refresh. */
  readonly refresh_in: number
  /** Keep it secret, and store it with a fresh Refresh-Key in one write. Absent where it travels in a cookie. */
  readonly refresh_token?: string
  /** Seconds until the refresh token lapses if it is not used. */
  readonly refresh_expires_in: number
  /** an id as this server hands it out (UUID version 7, lower case). */
  readonly session_id: string
  /** How many times the session was refreshed. */
  readonly generation: number
  /** RFC 3339, UTC. */
  readonly server_time: string
  readonly user: User
}

/** One row of the device list. */
export type SessionInfo = {
  /** an id as this server hands it out (UUID version 7, lower case). */
  readonly id: string
  readonly device_name: string | null
  readonly user_agent: string | null
  readonly ip: string | null
  /** RFC 3339, UTC. */
  readonly created_at: string
  /** RFC 3339, UTC. */
  readonly last_used_at: string
  /** RFC 3339, UTC. */
  readonly expires_at: string
  readonly current: boolean
  readonly ended_at: string | null
  readonly end_reason: 'logout' | 'logout_others' | 'logout_all' | 'password_changed' | 'disabled' | 'deleted' | 'expired' | 'idle' | 'session_limit' | 'refresh_token_reuse' | 'admin' | 'key_compromise' | 'restored' | null
}

/** What the server answers when it refuses (RFC 9457). */
export type Problem = {
  /** A page that explains the code. */
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  /** The error of RFC 6749 §5.2, where OAuth clients call. */
  readonly error?: string
  /** What happened, and how to mend it. */
  readonly detail: string
  readonly request_id: string
  readonly errors?: readonly {
    readonly pointer: string
    readonly code: string
    readonly detail: string
  }[]
  readonly retryable: boolean
  readonly retry_after?: number
  readonly session_ended: boolean
  readonly end_reason: 'logout' | 'logout_others' | 'logout_all' | 'password_changed' | 'disabled' | 'deleted' | 'expired' | 'idle' | 'session_limit' | 'refresh_token_reuse' | 'admin' | 'key_compromise' | 'restored' | null
}

/** What `POST /v1/auth/register` takes. */
export type RegisterInput = {
  /** an e-mail address, at most 254 bytes. */
  email: string
  /** a password of at most 256 characters. */
  password: string
  /** a name of 1 to 200 characters, not only blanks, without control characters. */
  name?: string
  /** a language tag such as "en" or "de-CH" (BCP 47). */
  locale?: string
  /** how the device list names this device: 1 to 100 characters, not only blanks. */
  device_name?: string
}

/** What `POST /v1/auth/login` takes. */
export type LoginInput = {
  /** an e-mail address, at most 254 bytes. */
  email: string
  /** a password of at most 256 characters. */
  password: string
  /** how the device list names this device: 1 to 100 characters, not only blanks. */
  device_name?: string
  /** a refresh token of an earlier session of this account on this device, ended or not. */
  refresh_token?: string
}

/** What `PATCH /v1/users/me` takes. */
export type UserPatch = {
  name?: string | null
  locale?: string | null
  /** a JSON object of your own. */
  metadata?: Record<string, unknown>
}

/** What `POST /v1/users/me/password` takes. */
export type PasswordChange = {
  /** a password of at most 256 characters. */
  current_password: string
  /** a password of at most 256 characters. */
  new_password: string
  end_other_sessions?: boolean
}

/** What `DELETE /v1/users/me` takes. */
export type AccountDeletion = {
  /** a password of at most 256 characters. */
  password: string
}

/** What `POST /v1/auth/forgot-password` takes. */
export type MailRequest = {
  /** an e-mail address, at most 254 bytes. */
  email: string
}

/** What `POST /v1/auth/verify-email` takes. */
export type MailedToken = {
  /** the token of the link. */
  token: string
}

/** What `POST /v1/auth/reset-password` takes. */
export type PasswordReset = {
  /** the token of the link. */
  token: string
  /** a password of at most 256 characters. */
  new_password: string
}

/** What `POST /v1/users/me/email` takes. */
export type EmailChange = {
  /** an e-mail address, at most 254 bytes. */
  new_email: string
  /** a password of at most 256 characters. */
  password: string
}

/** What `GET /v1/users/me/export` answers. */
export type OwnData = {
  /** RFC 3339, UTC. */
  readonly exported_at: string
  readonly user: User
  readonly sessions: readonly SessionInfo[]
  readonly mail: readonly ({
    readonly mail: string
    readonly state: string
    /** RFC 3339, UTC. */
    readonly created_at: string
    readonly finished_at: string | null
  })[]
  readonly links: readonly {
    readonly purpose: string
    readonly email: string
    /** RFC 3339, UTC. */
    readonly created_at: string
    /** RFC 3339, UTC. */
    readonly expires_at: string
  }[]
  readonly wrong_passwords: {
    readonly failures: number
    /** RFC 3339, UTC. */
    readonly last_at: string
  } | null
  readonly audit: readonly ({
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
  })[]
  readonly next_cursor: string | null
}

/** What `DELETE /v1/users/me` answers. */
export type PlannedDeletion = {
  readonly status: 'deletion_planned'
  /** RFC 3339, UTC. */
  readonly deletion_due_at: string
}
