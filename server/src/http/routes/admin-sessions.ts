import { Type } from 'typebox'
import { listSessions } from '../../domain/sessions/list.ts'
import { findUser } from '../../domain/users/find.ts'
import { AppError } from '../../errors.ts'
import { endSessionFor } from '../../flows/logout-user.ts'
import { exampleSession } from '../examples.ts'
import { Id, Session } from '../fields.ts'
import { PageQuery, pageOf, readCursor } from '../pages.ts'
import { route } from '../route.ts'
import { sessionView } from '../views.ts'
import { UserId } from './admin-users.ts'

export const listUserSessionsRoute = route({
  summary: "A user's sessions",
  description: 'Newest first, those that ended lately among them, each with the reason.',
  tag: 'Administration',
  who: 'admin',
  permission: 'sessions:read',
  params: UserId,
  query: PageQuery,
  answers: {
    200: {
      description: 'A page of sessions.',
      schema: Type.Object({ items: Type.Array(Session), next_cursor: Type.Union([Type.String(), Type.Null()]) }),
      example: { items: [{ ...exampleSession, current: false }], next_cursor: null },
    },
  },
  errors: ['not_found'],
  async handle({ app, params, query }, caller) {
    const limit = query.limit ?? 50
    const before = readCursor(query.cursor)
    const { db } = app.database
    if (!(await findUser(db, params.id))) throw new AppError('not_found')
    const page = pageOf(await listSessions(db, params.id, limit + 1, before, app.clock.now()), limit)
    const own = 'claims' in caller ? caller.claims.sid : ''
    return { status: 200, body: { ...page, items: page.items.map((session) => sessionView(session, own)) } }
  },
})

export const endUserSessionRoute = route({
  summary: "End one of a user's sessions",
  description: 'With the reason "admin". Again and again.',
  tag: 'Administration',
  who: 'admin',
  permission: 'sessions:end',
  params: Type.Object({ id: Id, session_id: Id }),
  answers: { 204: { description: 'It has ended.' } },
  errors: ['not_found'],
  async handle({ app, act, params }) {
    await endSessionFor(app, act, params.id, params.session_id)
    return { status: 204 }
  },
})
