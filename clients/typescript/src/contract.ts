// Generated from contract/openapi.json by scripts/generate.ts.

export type User = {
  /** an id as this server hands it out (UUID version 7, lower case). */
  id: string
  email: string
  email_verified: boolean
  name: string | null
  locale: string | null
  roles: string[]
  status: 'active' | 'pending' | 'disabled'
  metadata: Record<string, unknown>
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  updated_at: string
  last_login_at: string | null
}

export type Tokens = {
  /** A JWT (RFC 9068); send it as "Authorization: Bearer …". */
  access_token: string
  token_type: 'Bearer'
  /** Seconds until the access token expires. */
  expires_in: number
  /** Seconds after which a client should refresh. */
  refresh_in: number
  /** Keep it secret, and store it with a fresh Refresh-Key in one write. Absent where it travels in a cookie. */
  refresh_token?: string
  /** Seconds until the refresh token lapses if it is not used. */
  refresh_expires_in: number
  /** an id as this server hands it out (UUID version 7, lower case). */
  session_id: string
  /** How many times the session was refreshed. */
  generation: number
  /** RFC 3339, UTC. */
  server_time: string
  user: User
}

export type SessionInfo = {
  /** an id as this server hands it out (UUID version 7, lower case). */
  id: string
  device_name: string | null
  user_agent: string | null
  ip: string | null
  /** RFC 3339, UTC. */
  created_at: string
  /** RFC 3339, UTC. */
  last_used_at: string
  /** RFC 3339, UTC. */
  expires_at: string
  current: boolean
  ended_at: string | null
  end_reason: 'logout' | 'logout_others' | 'logout_all' | 'password_changed' | 'disabled' | 'deleted' | 'expired' | 'idle' | 'session_limit' | 'refresh_token_reuse' | 'admin' | 'key_compromise' | 'restored' | null
}

export type Problem = {
  /** A page that explains the code. */
  type: string
  title: string
  status: number
  code: string
  /** The error of RFC 6749 §5.2, where OAuth clients call. */
  error?: string
  /** What happened, and how to mend it. */
  detail: string
  request_id: string
  errors?: {
    pointer: string
    code: string
    detail: string
  }[]
  retryable: boolean
  retry_after?: number
  session_ended: boolean
  end_reason: 'logout' | 'logout_others' | 'logout_all' | 'password_changed' | 'disabled' | 'deleted' | 'expired' | 'idle' | 'session_limit' | 'refresh_token_reuse' | 'admin' | 'key_compromise' | 'restored' | null
}

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

export type UserPatch = {
  name?: string | null
  locale?: string | null
  /** a JSON object of your own. */
  metadata?: Record<string, unknown>
}

export type PasswordChange = {
  /** a password of at most 256 characters. */
  current_password: string
  /** a password of at most 256 characters. */
  new_password: string
  end_other_sessions?: boolean
}

export type AccountDeletion = {
  /** a password of at most 256 characters. */
  password: string
}

export type MailRequest = {
  /** an e-mail address, at most 254 bytes. */
  email: string
}

export type MailedToken = {
  /** the token of the link. */
  token: string
}

export type PasswordReset = {
  /** the token of the link. */
  token: string
  /** a password of at most 256 characters. */
  new_password: string
}

export type EmailChange = {
  /** an e-mail address, at most 254 bytes. */
  new_email: string
  /** a password of at most 256 characters. */
  password: string
}

export type OwnData = {
  /** RFC 3339, UTC. */
  exported_at: string
  user: User
  sessions: SessionInfo[]
  audit: ({
    /** The chain of the line, and its number there. */
    id: string
    /** RFC 3339, UTC. */
    at: string
    event: string
    actor: {
      /** anyone, user, service, operator or system. */
      kind: string
      id: string | null
    }
    subject: {
      kind: string
      id: string
    } | null
    user_id: string | null
    reason: string | null
    request_id: string | null
    ip: string | null
    details: Record<string, unknown>
    personal: Record<string, unknown>
    /** It said something about a person that was erased. */
    erased: boolean
  })[]
  next_cursor: string | null
}

export type PlannedDeletion = {
  status: 'deletion_planned'
  /** RFC 3339, UTC. */
  deletion_due_at: string
}
