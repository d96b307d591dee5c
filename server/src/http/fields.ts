import { Type } from 'typebox'
import { endReasons } from '../errors.ts'

/** Fields that occur in several routes. A description is also what a caller reads when the field was refused. */

// Of an empty text its length is complained of.
const notBlank = '(?=.*\\S|$)'
// No control characters: they have no place in a name and could forge lines in mails and logs.
const noControls = '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$'

export const Id = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
  description: 'an id as this server hands it out (UUID version 7, lower case).',
})
export const Email = Type.String({ minLength: 3, maxLength: 254, description: 'an e-mail address, at most 254 bytes.' })
// The bound against megabytes lies here, the policy itself in domain/passwords/policy.ts.
export const Password = Type.String({
  minLength: 1,
  maxLength: 1024,
  description: 'a password of at most 256 characters.',
})
export const Name = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: noControls.replace('^', `^${notBlank}`),
  description: 'a name of 1 to 200 characters, not only blanks, without control characters.',
})
export const EarlierToken = Type.String({
  minLength: 1,
  maxLength: 512,
  description: 'a refresh token of an earlier session of this account on this device, ended or not.',
})
export const Locale = Type.String({
  maxLength: 35,
  pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$',
  description: 'a language tag such as "en" or "de-CH" (BCP 47).',
})
export const DeviceName = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: noControls.replace('^', `^${notBlank}`),
  description: 'how the device list names this device: 1 to 100 characters, not only blanks.',
})
export const Delivery = Type.Union([Type.Literal('body'), Type.Literal('cookie')], {
  description: '"body", or "cookie" for a page of the same site: no script can read the refresh token then.',
})
export const Role = Type.String({
  pattern: '^[a-z][a-z0-9_.:-]{0,62}$',
  description: 'a role: a lower-case letter, then at most 62 of a-z 0-9 _ . : or -.',
})
export const Roles = Type.Array(Role, { maxItems: 50, uniqueItems: true, description: 'at most 50 different roles.' })
export const Metadata = Type.Record(Type.String(), Type.Unknown(), { description: 'a JSON object of your own.' })
export const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC.' })
const maybe = <T extends ReturnType<typeof Type.String>>(schema: T) => Type.Union([schema, Type.Null()])

export const User = Type.Object({
  id: Id,
  email: Type.String(),
  email_verified: Type.Boolean(),
  name: maybe(Type.String()),
  locale: maybe(Type.String()),
  roles: Type.Array(Type.String()),
  status: Type.Union([Type.Literal('active'), Type.Literal('pending'), Type.Literal('disabled')]),
  metadata: Type.Record(Type.String(), Type.Unknown()),
  created_at: Time,
  updated_at: Time,
  last_login_at: maybe(Time),
})

/** What administrators see besides. */
export const AdminUser = Type.Object({
  ...User.properties,
  deletion_due_at: Type.Optional(
    maybe(
      Type.String({
        format: 'date-time',
        description:
          'Its owner has deleted it: from then on it is gone, unless the owner logs in before. For administrators, not for services.',
      }),
    ),
  ),
  locked: Type.Optional(
    Type.Union(
      [
        Type.Object({
          reason: Type.Union([Type.Literal('wrong_passwords'), Type.Literal('too_many_wrong_passwords')]),
          failures: Type.Integer({ description: 'Wrong passwords in a row.' }),
          until: maybe(Type.String({ format: 'date-time' })),
        }),
        Type.Null(),
      ],
      {
        description:
          'Why no password, not even the right one, is taken now except from devices the user has been on before, and ' +
          'until when; with "until" null only an unlocking or a new password by a mailed link helps. Null: it may log in. ' +
          'For administrators, not for services.',
      },
    ),
  ),
})

export const Tokens = Type.Object({
  access_token: Type.String({ description: 'A JWT (RFC 9068); send it as "Authorization: Bearer …".' }),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer({ description: 'Seconds until the access token expires.' }),
  refresh_in: Type.Integer({ description: 'Seconds after which a client should refresh.' }),
  refresh_token: Type.Optional(
    Type.String({
      description:
        'Keep it secret, and store it with a fresh Refresh-Key in one write. Absent where it travels in a cookie.',
    }),
  ),
  refresh_expires_in: Type.Integer({ description: 'Seconds until the refresh token lapses if it is not used.' }),
  session_id: Id,
  generation: Type.Integer({ description: 'How many times the session was refreshed.' }),
  server_time: Time,
  user: User,
})

export const Session = Type.Object({
  id: Id,
  device_name: maybe(Type.String()),
  user_agent: maybe(Type.String()),
  ip: maybe(Type.String()),
  created_at: Time,
  last_used_at: Time,
  expires_at: Time,
  current: Type.Boolean(),
  ended_at: maybe(Time),
  end_reason: Type.Union([...endReasons.map((reason) => Type.Literal(reason)), Type.Null()]),
})

export const Revocation = Type.Object({
  kind: Type.Union(
    (['session', 'user', 'roles', 'token', 'key'] as const).map((kind) => Type.Literal(kind)),
    { description: 'What "id" names: the claim sid, sub, roles_id or jti, or the kid of the header.' },
  ),
  id: Type.String(),
  before: Type.String({
    format: 'date-time',
    description: 'Of a user, tokens issued up to here are dead; of the others, all are.',
  }),
  until: Type.String({ format: 'date-time', description: 'From here on no such token can be alive: forget it.' }),
  reason: Type.String(),
  revoked_at: Time,
})

export const OneTimeLink = Type.Object({
  token: Type.String({ description: 'For POST /v1/auth/reset-password, once.' }),
  link: Type.String({
    description: "To the app's own page, with the token behind the #; without APP_URL to a page of this server.",
  }),
  expires_at: Time,
})

export const OneTimeToken = Type.String({ minLength: 1, maxLength: 200, description: 'the token of the link.' })

/** Something is mailed, or is not: the answer does not tell. */
export const OnItsWay = Type.Object({ status: Type.String() })

const WithId = Type.Object({ kind: Type.String(), id: Type.String() })

export const AuditLineView = Type.Object({
  id: Type.String({ description: 'The chain of the line, and its number there.' }),
  at: Time,
  event: Type.String(),
  actor: Type.Object({
    kind: Type.String({ description: 'anyone, user, service, operator or system.' }),
    id: maybe(Type.String()),
  }),
  subject: Type.Union([WithId, Type.Null()]),
  user_id: maybe(Type.String({ description: 'The user whom it concerns.' })),
  reason: maybe(Type.String()),
  request_id: maybe(Type.String()),
  ip: maybe(Type.String()),
  details: Type.Record(Type.String(), Type.Unknown()),
  personal: Type.Record(Type.String(), Type.String()),
  erased: Type.Boolean({ description: 'It said something about a person that was erased.' }),
})

export const Problem = Type.Object({
  type: Type.String({ description: 'A page that explains the code.' }),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  error: Type.Optional(Type.String({ description: 'The error of RFC 6749 §5.2, where OAuth clients call.' })),
  detail: Type.String({ description: 'What happened, and how to mend it.' }),
  request_id: Type.String(),
  errors: Type.Optional(
    Type.Array(Type.Object({ pointer: Type.String(), code: Type.String(), detail: Type.String() })),
  ),
  retryable: Type.Boolean(),
  retry_after: Type.Optional(Type.Integer()),
  session_ended: Type.Boolean(),
  end_reason: Type.Union([...endReasons.map((reason) => Type.Literal(reason)), Type.Null()]),
})
