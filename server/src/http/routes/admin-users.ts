import { Type } from 'typebox'
import { findUser } from '../../domain/users/find.ts'
import { listUsers } from '../../domain/users/list.ts'
import { AppError } from '../../errors.ts'
import { exampleUser } from '../examples.ts'
import { Id, Role, User } from '../fields.ts'
import { PageQuery } from '../pages.ts'
import { route } from '../route.ts'
import { readTime, readUserCursor, writeUserCursor } from '../user-pages.ts'
import { userView } from '../views.ts'

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
      schema: Type.Object({ items: Type.Array(User), next_cursor: Type.Union([Type.String(), Type.Null()]) }),
      example: { items: [exampleUser], next_cursor: null },
    },
  },
  errors: [],
  async handle({ app, query }) {
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
    return { status: 200, body: { items: users.map(userView), next_cursor: writeUserCursor(order, next) } }
  },
})

export const readUserRoute = route({
  summary: 'A user',
  tag: 'Administration',
  who: 'admin',
  permission: 'users:read',
  params: UserId,
  answers: { 200: { description: 'The user.', schema: User, example: exampleUser } },
  errors: ['not_found'],
  async handle({ app, params }) {
    const user = await findUser(app.database.db, params.id)
    if (!user) throw new AppError('not_found')
    return { status: 200, body: userView(user) }
  },
})
