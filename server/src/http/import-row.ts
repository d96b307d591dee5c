import { Type } from 'typebox'
import { fromRfc3339 } from '../clock.ts'
import type { FormerUser } from '../domain/users/create.ts'
import { AppError } from '../errors.ts'
import { newId, timeOfId } from '../random.ts'
import { Email, Id, Locale, Metadata, Name, Roles } from './fields.ts'
import { checkMetadata } from './metadata.ts'
import { validatorOf } from './validation.ts'
import { emailFrom } from './views.ts'

const Moment = Type.String({ maxLength: 35, description: 'a time as in 2026-11-23T10:00:00Z (RFC 3339).' })

/** What `ntt-auth users import` reads, and `export` writes. */
const ImportRow = Type.Object(
  {
    id: Type.Optional(Id),
    email: Email,
    password_hash: Type.Optional(
      Type.String({ minLength: 1, maxLength: 255, description: 'a password hash of at most 255 characters.' }),
    ),
    email_verified: Type.Optional(Type.Boolean({ description: 'true or false.' })),
    name: Type.Optional(Name),
    locale: Type.Optional(Locale),
    roles: Type.Optional(Roles),
    status: Type.Optional(
      Type.Union([Type.Literal('active'), Type.Literal('pending'), Type.Literal('disabled')], {
        description: 'one of "active", "pending", "disabled".',
      }),
    ),
    metadata: Type.Optional(Metadata),
    created_at: Type.Optional(Moment),
    last_login_at: Type.Optional(Moment),
    deletion_due_at: Type.Optional(Moment),
    unconfirmed_since: Type.Optional(Moment),
  },
  { additionalProperties: false },
)

export const importFields = Object.keys(ImportRow.properties)

const check = validatorOf(ImportRow, 'body')

/** A row as its file has it, once it has passed the schema. */
type Row = {
  id?: string
  email: string
  password_hash?: string
  email_verified?: boolean
  name?: string
  locale?: string
  roles?: string[]
  status?: FormerUser['status'] & string
  metadata?: Record<string, unknown>
  created_at?: string
  last_login_at?: string
  deletion_due_at?: string
  unconfirmed_since?: string
}

/**
 * @param now milliseconds since 1970
 * @throws AppError `validation_failed` naming the field
 */
export function readImportRow(given: Record<string, unknown>, now: number): { user: FormerUser; hash: string | null } {
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null && value !== ''))
  check(present)
  const row = present as Row
  checkMetadata(row.metadata)
  const hash = row.password_hash ?? null
  const createdAt = creationOf(row, now)
  if (hash === null && row.status === 'active') {
    throw refused('/status', 'no_password', 'Nobody is active without a password: leave "status" out, or bring a hash.')
  }
  const unconfirmedSince =
    row.unconfirmed_since === undefined ? null : timeFrom('/unconfirmed_since', row.unconfirmed_since, now)
  if (unconfirmedSince !== null && (row.email_verified || row.status === 'active')) {
    throw refused(
      '/unconfirmed_since',
      'confirmed',
      'Whoever is active or verified is not asked to confirm: leave it out.',
    )
  }
  const user = {
    id: row.id ?? newId(createdAt),
    email: emailFrom(row.email),
    name: row.name ?? null,
    locale: row.locale ?? null,
    roles: row.roles ?? [],
    emailVerified: row.email_verified ?? false,
    metadata: row.metadata ?? {},
    status: row.status ?? (hash === null || unconfirmedSince !== null ? 'pending' : 'active'),
    createdAt,
    lastLoginAt: row.last_login_at === undefined ? null : timeFrom('/last_login_at', row.last_login_at, now),
    // Whatever is due already goes with the next round.
    deletionDueAt: row.deletion_due_at === undefined ? null : timeFrom('/deletion_due_at', row.deletion_due_at),
    unconfirmedSince,
  }
  return { user, hash }
}

/** Users are listed in the order of their ids as that of their creation: the two must agree. */
function creationOf({ id, created_at }: Row, now: number): number {
  const given = created_at === undefined ? undefined : timeFrom('/created_at', created_at, now)
  if (id === undefined) return given ?? now
  const made = timeOfId(id)
  if (made > now || (given !== undefined && given !== made)) {
    throw refused('/id', 'not_of_that_time', 'An id tells when it was made: leave it out, or "created_at".')
  }
  return made
}

function timeFrom(pointer: string, text: string, now = Number.POSITIVE_INFINITY): number {
  const time = fromRfc3339(text)
  if (time === null) throw refused(pointer, 'format', 'Write times as in 2026-11-23T10:00:00Z (RFC 3339).')
  if (time > now) throw refused(pointer, 'in_the_future', 'This time is yet to come.')
  return time
}

function refused(pointer: string, code: string, detail: string): AppError {
  return new AppError('validation_failed', {
    detail: `${pointer}: ${detail}`,
    errors: [{ pointer, code, detail }],
  })
}
