import { Type } from 'typebox'
import type { App } from '../../app.ts'
import type { CallingService } from '../../domain/services/service.ts'
import { findUser } from '../../domain/users/find.ts'
import { listUsers } from '../../domain/users/list.ts'
import type { User as PlainUser } from '../../domain/users/user.ts'
import { AppError } from '../../errors.ts'
import type { Caller } from '../../flows/authenticate.ts'
import { changeUserFor } from '../../flows/change-user.ts'
import { createUserFor } from '../../flows/create-user.ts'
import { deleteUserFor } from '../../flows/delete-user.ts'
import { disableUser, enableUser } from '../../flows/disable-user.ts'
import { locksOf } from '../../flows/locks-of.ts'
import { logoutUser } from '../../flows/logout-user.ts'
import { startPasswordReset } from '../../flows/start-password-reset.ts'
import { unlockUser } from '../../flows/unlock-user.ts'
import { exampleAdminUser, exampleLink, exampleUser } from '../examples.ts'
import {
  AdminUser,
  Email,
  Id,
  Locale,
  Metadata,
  Name,
  OneTimeLink,
  OnItsWay,
  Password,
  Role,
  Roles,
  User,
} from '../fields.ts'
import { checkMetadata } from '../metadata.ts'
import { PageQuery } from '../pages.ts'
import { route } from '../route.ts'
import { readTime, readUserCursor, writeUserCursor } from '../user-pages.ts'
import { adminUserView, emailFrom, linkView, userView } from '../views.ts'

export const UserId = Type.Object({ id: Id })

const oneOf = <T extends string>(...values: T[]) =>
  Type.Union(
    values.map((value) => Type.Literal(value)),
    { description: `one of ${values.map((value) => `"${value}"`).join(', ')}.` },
  )
const Moment = (description: string) => Type.Optional(Type.String({ minLength: 20, maxLength: 35, description }))

export const listUsersRoute = route({
  summary: 'Users',
  description:
    'Search, filter and order as you like, as quick among a million users as among a thousand. "q" finds users whose ' +
    'e-mail address or one of whose names begins with each of its words, whatever the case and the accents; no sign in ' +
    'it means anything but itself. A page may hold fewer users than "limit", even none, while "next_cursor" says that ' +
    'there is more: go on until it is null. A cursor belongs to one order.',
  tag: 'Administration',
  who: 'admin',
  permission: 'users:read',
  query: Type.Object(
    {
      q: Type.Optional(
        Type.String({
          maxLength: 200,
          pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$',
          description: 'what to look for: up to 200 characters, of which the first four words count.',
        }),
      ),
      status: Type.Optional(oneOf('active', 'pending', 'disabled')),
      role: Type.Optional(Role),
      created_after: Moment('made at or after this time (RFC 3339).'),
      created_before: Moment('made before this time (RFC 3339).'),
      sort: Type.Optional(oneOf('created_at', '-created_at', 'email')),
      limit: PageQuery.properties.limit,
      cursor: Type.Optional(
        Type.String({ minLength: 1, maxLength: 400, description: '"next_cursor" of the page before, as it was.' }),
      ),
    },
    { additionalProperties: false },
  ),
  answers: {
    200: {
      description: 'A page of users; the newest first unless told.',
      schema: Type.Object({ items: Type.Array(AdminUser), next_cursor: Type.Union([Type.String(), Type.Null()]) }),
      example: { items: [exampleAdminUser], next_cursor: null },
    },
  },
  errors: [],
  async handle({ app, query }, caller) {
    const order = query.sort ?? '-created_at'
    const filter = {
      search: query.q,
      status: query.status,
      role: query.role,
      createdAfter: readTime('created_after', query.created_after),
      createdBefore: readTime('created_before', query.created_before),
    }
    const after = readUserCursor(order, query.cursor)
    const { users, next } = await listUsers(app.database.db, filter, order, query.limit ?? 50, after)
    const items = users.map(await viewFor(app, caller, users))
    return { status: 200, body: { items, next_cursor: writeUserCursor(order, next) } }
  },
})

export const readUserRoute = route({
  summary: 'A user',
  tag: 'Administration',
  who: 'admin',
  permission: 'users:read',
  params: UserId,
  answers: { 200: { description: 'The user.', schema: AdminUser, example: exampleAdminUser } },
  errors: ['not_found'],
  async handle({ app, params }, caller) {
    const user = await findUser(app.database.db, params.id)
    if (!user) throw new AppError('not_found')
    return { status: 200, body: (await viewFor(app, caller, [user]))(user) }
  },
})

/** A service sees of a user what the user sees itself. */
async function viewFor(app: App, caller: Caller | CallingService, users: PlainUser[]) {
  return 'claims' in caller ? viewForAdmin(app, users) : userView
}

async function viewForAdmin(app: App, users: PlainUser[]) {
  const lockOf = await locksOf(app, users)
  return (user: PlainUser) => adminUserView(user, lockOf(user))
}

const maybe = <T extends typeof Name | typeof Locale>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]))
const fields = {
  name: maybe(Name),
  locale: maybe(Locale),
  roles: Type.Optional(Roles),
  email_verified: Type.Optional(Type.Boolean({ description: 'whether the address is known to be the user’s.' })),
  metadata: Type.Optional(Metadata),
}

export const createUserRoute = route({
  summary: 'Create a user',
  description:
    'Without a password this is an invitation: the user is pending until it has chosen one, by the link that is ' +
    'mailed, or stands in the answer as long as no mail is configured. Show it to nobody else; it is good for 24 hours.',
  tag: 'Administration',
  who: 'admin',
  permission: 'users:create',
  fieldPermissions: { roles: 'users:roles' },
  body: Type.Object({ email: Email, password: Type.Optional(Password), ...fields }, { additionalProperties: false }),
  example: { email: 'ada@example.com', name: 'Ada', roles: ['editor'], metadata: { team: 'engines' } },
  answers: {
    201: {
      description: 'The user, and the invitation if it is one.',
      schema: Type.Object({ ...User.properties, invitation: Type.Union([OneTimeLink, Type.Null()]) }),
      example: {
        ...exampleUser,
        roles: ['editor'],
        status: 'pending',
        last_login_at: null,
        invitation: exampleLink,
      },
    },
  },
  errors: ['email_taken', 'password_too_short', 'password_too_common', 'password_too_similar', 'overloaded'],
  async handle({ app, act, body, signal }) {
    checkMetadata(body.metadata)
    const wanted = {
      email: emailFrom(body.email),
      name: body.name ?? null,
      locale: body.locale ?? null,
      roles: body.roles ?? [],
      emailVerified: body.email_verified ?? false,
      metadata: body.metadata ?? {},
    }
    const { user, invitation } = await createUserFor(app, act, wanted, body.password ?? null, signal)
    return { status: 201, body: { ...userView(user), invitation: invitation && linkView(invitation) } }
  },
})

export const updateUserRoute = route({
  summary: 'Change a user',
  description:
    'Only the fields that are sent change. Nobody chooses the password of somebody else: start a reset. Access tokens ' +
    'that speak of former roles are revoked. A new address counts as unverified unless told otherwise.',
  tag: 'Administration',
  who: 'admin',
  permission: 'users:update',
  fieldPermissions: { roles: 'users:roles', email: 'users:email' },
  params: UserId,
  body: Type.Object({ email: Type.Optional(Email), ...fields }, { additionalProperties: false, minProperties: 1 }),
  example: { name: 'Ada Lovelace', roles: ['editor'] },
  answers: { 200: { description: 'The user as it is now.', schema: AdminUser, example: exampleAdminUser } },
  errors: ['not_found', 'email_taken', 'last_admin'],
  async handle({ app, act, body, params }) {
    checkMetadata(body.metadata)
    const { email, email_verified, ...others } = body
    const change = {
      ...others,
      ...(email !== undefined && { email: emailFrom(email) }),
      ...(email_verified !== undefined && { emailVerified: email_verified }),
    }
    const user = await changeUserFor(app, act, params.id, change)
    return { status: 200, body: (await viewForAdmin(app, [user]))(user) }
  },
})

export const deleteUserRoute = route({
  summary: 'Delete a user',
  description:
    'At once and for good, whatever the delay for those who delete themselves; its sessions end with the reason "deleted".',
  tag: 'Administration',
  who: 'admin',
  permission: 'users:delete',
  params: UserId,
  answers: { 204: { description: 'The user is gone.' } },
  errors: ['not_found', 'last_admin'],
  async handle({ app, act, params }) {
    await deleteUserFor(app, act, params.id)
    return { status: 204 }
  },
})

export const disableUserRoute = route({
  summary: 'Disable a user',
  description: 'No login any more; its sessions end with the reason "disabled". Again and again.',
  tag: 'Administration',
  who: 'admin',
  permission: 'users:disable',
  params: UserId,
  answers: { 204: { description: 'The user is disabled.' } },
  errors: ['not_found', 'last_admin'],
  async handle({ app, act, params }) {
    await disableUser(app, act, params.id)
    return { status: 204 }
  },
})

export const unlockUserRoute = route({
  summary: 'Unlock a user',
  description:
    'Wrong passwords are forgotten, so that the next login does not have to wait, also after so many that only this and ' +
    'a new password help. Again and again.',
  tag: 'Administration',
  who: 'admin',
  permission: 'users:unlock',
  params: UserId,
  answers: { 204: { description: 'The user may log in without waiting.' } },
  errors: ['not_found'],
  async handle({ app, act, params }) {
    await unlockUser(app, act, params.id)
    return { status: 204 }
  },
})

export const enableUserRoute = route({
  summary: 'Enable a user',
  description: 'The sessions that ended stay ended. Again and again.',
  tag: 'Administration',
  who: 'admin',
  permission: 'users:enable',
  params: UserId,
  answers: { 204: { description: 'The user may log in; who has no password yet is pending as before.' } },
  errors: ['not_found'],
  async handle({ app, act, params }) {
    await enableUser(app, act, params.id)
    return { status: 204 }
  },
})

export const logoutUserRoute = route({
  summary: 'Log a user out everywhere',
  description: 'Every session ends, with the reason "admin". Again and again.',
  tag: 'Administration',
  who: 'admin',
  permission: 'sessions:end',
  params: UserId,
  answers: { 204: { description: 'No session is left.' } },
  errors: ['not_found'],
  async handle({ app, act, params }) {
    await logoutUser(app, act, params.id)
    return { status: 204 }
  },
})

export const startPasswordResetRoute = route({
  summary: 'Start a password reset',
  description:
    'The link is mailed, or stands in the answer as long as no mail is configured; it replaces earlier ones and is good for ' +
    'an hour, for a user who was invited and has no password yet for 24. The former password works until it is used.',
  tag: 'Administration',
  who: 'admin',
  permission: 'users:reset-password',
  params: UserId,
  answers: {
    200: {
      description: 'What the user needs, where no mail is configured.',
      schema: OneTimeLink,
      example: exampleLink,
    },
    202: { description: 'It was mailed.', schema: OnItsWay, example: { status: 'mailed' } },
  },
  errors: ['not_found', 'account_disabled'],
  async handle({ app, act, params }) {
    const link = await startPasswordReset(app, act, params.id)
    return link ? { status: 200, body: linkView(link) } : { status: 202, body: { status: 'mailed' } }
  },
})
