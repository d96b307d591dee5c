import type { App } from '../app.ts'
import { AppError, type ErrorCode } from '../errors.ts'

/** Counts how logins, registrations, resets and refreshes come out, for the metrics. */

export async function countedLogin<T>(app: App, login: () => Promise<T>): Promise<T> {
  const count = (result: 'success' | 'failure', reason: LoginReason) =>
    app.meter.count('ntt_auth_logins_total', { method: 'password', result, reason })
  try {
    const tokens = await login()
    count('success', 'none')
    return tokens
  } catch (error) {
    count('failure', reasonOf(error))
    throw error
  }
}

type LoginReason =
  | 'none'
  | 'bad_credentials'
  | 'unknown_user'
  | 'disabled'
  | 'unverified'
  | 'rate_limited'
  | 'overloaded'
  | 'internal'

const loginReasons: Partial<Record<ErrorCode, LoginReason>> = {
  account_disabled: 'disabled',
  email_not_verified: 'unverified',
  rate_limited: 'rate_limited',
  overloaded: 'overloaded',
}

function reasonOf(error: unknown): LoginReason {
  if (!(error instanceof AppError)) return 'internal'
  if (error.code !== 'invalid_credentials') return loginReasons[error.code] ?? 'internal'
  // The cause is for us; the caller is not told which of the two it was.
  return error.details.cause === 'unknown_user' ? 'unknown_user' : 'bad_credentials'
}

export async function countedRegistration<T>(app: App, register: () => Promise<T>): Promise<T> {
  const count = (result: RegistrationResult) => app.meter.count('ntt_auth_registrations_total', { result })
  try {
    const tokens = await register()
    count('success')
    return tokens
  } catch (error) {
    count(error instanceof AppError ? (registrationResults[error.code] ?? 'failure') : 'failure')
    throw error
  }
}

const refusedPasswords = {
  validation_failed: 'policy',
  password_too_short: 'policy',
  password_too_common: 'policy',
  password_too_similar: 'policy',
} as const

type RegistrationResult = 'success' | 'taken' | 'closed' | 'policy' | 'rate_limited' | 'overloaded' | 'failure'

const registrationResults: Partial<Record<ErrorCode, RegistrationResult>> = {
  email_taken: 'taken',
  registration_closed: 'closed',
  ...refusedPasswords,
  rate_limited: 'rate_limited',
  overloaded: 'overloaded',
}

export async function countedReset<T>(app: App, reset: () => Promise<T>): Promise<T> {
  const count = (result: ResetResult) => app.meter.count('ntt_auth_password_resets_total', { result })
  try {
    const done = await reset()
    count('success')
    return done
  } catch (error) {
    count(error instanceof AppError ? (resetResults[error.code] ?? 'failure') : 'failure')
    throw error
  }
}

type ResetResult = 'success' | 'invalid_token' | 'policy' | 'rate_limited' | 'overloaded' | 'failure'

const resetResults: Partial<Record<ErrorCode, ResetResult>> = {
  invalid_one_time_token: 'invalid_token',
  ...refusedPasswords,
  rate_limited: 'rate_limited',
  overloaded: 'overloaded',
}

type RefreshResult = 'rotated' | 'repeated' | 'forward' | 'superseded' | 'reuse' | 'ended' | 'invalid' | 'failure'

export function countRefresh(app: App, result: RefreshResult): void {
  app.meter.count('ntt_auth_token_refresh_total', { result })
}

/** Counts refusals; what was granted is counted where it is known what it was. */
export async function countedRefresh<T>(app: App, refresh: () => Promise<T>): Promise<T> {
  try {
    return await refresh()
  } catch (error) {
    const result = refusalOf(error)
    countRefresh(app, result)
    if (result === 'reuse') app.meter.count('ntt_auth_refresh_reuse_detected_total', {})
    throw error
  }
}

function refusalOf(error: unknown): RefreshResult {
  if (!(error instanceof AppError)) return 'failure'
  if (error.code === 'invalid_refresh_token') return 'invalid'
  if (error.code === 'refresh_superseded') return 'superseded'
  if (error.code !== 'session_ended') return 'failure'
  // Only the refresh that found it; later ones meet an ended session.
  return error.details.cause === 'reuse' ? 'reuse' : 'ended'
}
