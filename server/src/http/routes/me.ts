import { Type } from 'typebox'
import { toRfc3339 } from '../../clock.ts'
import { findUser } from '../../domain/users/find.ts'
import { AppError } from '../../errors.ts'
import { startEmailChange } from '../../flows/change-email.ts'
import { changePassword } from '../../flows/change-password.ts'
import { deleteAccount } from '../../flows/delete-account.ts'
import { updateOwnProfile } from '../../flows/update-profile.ts'
import { checkPage, forgetCookie, holdsCookieOf, tokensAnswer } from '../cookies.ts'
import { exampleTokens, exampleUser } from '../examples.ts'
import { Email, Locale, Metadata, Name, OnItsWay, Password, Time, Tokens, User } from '../fields.ts'
import { checkMetadata } from '../metadata.ts'
import { route } from '../route.ts'
import { emailFrom, userView } from '../views.ts'

export const readMeRoute = route({
  summary: 'My profile',
  tag: 'Profile',
  who: 'user',
  answers: { 200: { description: 'The user.', schema: User, example: exampleUser } },
  errors: [],
  async handle({ app }, { claims }) {
    const user = await findUser(app.database.db, claims.sub)
    if (user?.status !== 'active') throw new AppError('token_revoked')
    return { status: 200, body: userView(user) }
  },
})

export const updateMeRoute = route({
  summary: 'Change my profile',
  description: 'Only the fields that are sent change. Metadata is replaced as a whole; at most 16 KiB.',
  tag: 'Profile',
  who: 'user',
  body: Type.Object(
    {
      name: Type.Optional(Type.Union([Name, Type.Null()])),
      locale: Type.Optional(Type.Union([Locale, Type.Null()])),
      metadata: Type.Optional(Metadata),
    },
    { additionalProperties: false, minProperties: 1 },
  ),
  example: { name: 'Ada Lovelace', metadata: { theme: 'dark' } },
  answers: { 200: { description: 'The user as it is now.', schema: User, example: exampleUser } },
  errors: [],
  async handle({ app, act, body }, { claims }) {
    checkMetadata(body.metadata)
    return { status: 200, body: userView(await updateOwnProfile(app, act, claims.sub, body)) }
  },
})

export const changePasswordRoute = route({
  summary: 'Change my password',
  description: 'The other sessions end, unless end_other_sessions is false. The session that stays is not rotated.',
  tag: 'Profile',
  who: 'user',
  body: Type.Object(
    {
      current_password: Password,
      new_password: Password,
      end_other_sessions: Type.Optional(Type.Boolean()),
    },
    { additionalProperties: false },
  ),
  example: { current_password: 'engine of brass and steam', new_password: 'a quieter engine of silk' },
  answers: { 200: { description: 'Tokens of the session that stays.', schema: Tokens, example: exampleTokens } },
  errors: [
    'invalid_password',
    'password_too_short',
    'password_too_common',
    'password_too_similar',
    'origin_not_allowed',
    'rate_limited',
    'overloaded',
  ],
  async handle(request, caller) {
    const { app, act, body, signal } = request
    const inCookie = holdsCookieOf(request, caller.claims.sid)
    if (inCookie) checkPage(request)
    const tokens = await changePassword(app, act, caller, {
      currentPassword: body.current_password,
      newPassword: body.new_password,
      endOtherSessions: body.end_other_sessions ?? true,
      signal,
    })
    return tokensAnswer(200, tokens, inCookie ? 'cookie' : 'body')
  },
})

export const changeEmailRoute = route({
  summary: 'Change my e-mail address',
  description:
    'By the password. The new address gets a link that confirms the change, the present one is told; until then nothing ' +
    'changes. The answer is the same when somebody else has the address.',
  tag: 'Profile',
  who: 'user',
  body: Type.Object({ new_email: Email, password: Password }, { additionalProperties: false }),
  example: { new_email: 'ada.lovelace@example.com', password: 'engine of brass and steam' },
  answers: {
    202: { description: 'The link is on its way.', schema: OnItsWay, example: { status: 'confirmation_required' } },
  },
  errors: ['invalid_password', 'rate_limited', 'overloaded'],
  async handle({ app, act, body, signal }, caller) {
    const newEmail = emailFrom(body.new_email, '/new_email')
    await startEmailChange(app, act, caller, { newEmail, password: body.password, signal })
    return { status: 202, body: { status: 'confirmation_required' } }
  },
})

export const deleteMeRoute = route({
  summary: 'Delete my account',
  description:
    'By the password; all sessions end. The account is gone at once and for good, or, where the operator has set a delay ' +
    '(NTT_AUTH_DELETION_DELAY), at the time that the answer tells: a login until then keeps it.',
  tag: 'Profile',
  who: 'user',
  body: Type.Object({ password: Password }, { additionalProperties: false }),
  example: { password: 'engine of brass and steam' },
  answers: {
    202: {
      description: 'The account will be gone.',
      schema: Type.Object({ status: Type.Literal('deletion_planned'), deletion_due_at: Time }),
      example: { status: 'deletion_planned', deletion_due_at: '2026-12-23T10:00:00.000Z' },
    },
    204: { description: 'The account is gone.' },
  },
  errors: ['invalid_password', 'last_admin', 'rate_limited', 'overloaded'],
  async handle(request, caller) {
    const { app, act, body, signal } = request
    const dueAt = await deleteAccount(app, act, caller, body.password, signal)
    const headers = holdsCookieOf(request, caller.claims.sid) ? { headers: forgetCookie() } : {}
    if (dueAt === null) return { status: 204, ...headers }
    return { status: 202, body: { status: 'deletion_planned' as const, deletion_due_at: toRfc3339(dueAt) }, ...headers }
  },
})
