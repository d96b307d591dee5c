import { Type } from 'typebox'
import { listSessions } from '../../domain/sessions/list.ts'
import { endOwnSession } from '../../flows/end-own-session.ts'
import { exampleSession } from '../examples.ts'
import { Id, Session } from '../fields.ts'
import { PageQuery, pageOf, readCursor } from '../pages.ts'
import { route } from '../route.ts'
import { sessionView } from '../views.ts'

export const listMySessionsRoute = route({
  summary: 'My sessions',
  description: 'Newest first, those that ended lately among them, each with the reason.',
  tag: 'Sessions',
  who: 'user',
  query: PageQuery,
  answers: {
    200: {
      description: 'A page of sessions.',
      schema: Type.Object({
        items: Type.Array(Session),
        next_cursor: Type.Union([Type.String(), Type.Null()]),
      }),
      example: { items: [exampleSession], next_cursor: null },
    },
  },
  errors: [],
  async handle({ app, query }, { claims }) {
    const limit = query.limit ?? 50
    const before = readCursor(query.cursor)
    const sessions = await listSessions(app.database.db, claims.sub, limit + 1, before, app.clock.now())
    const page = pageOf(sessions, limit)
    return { status: 200, body: { ...page, items: page.items.map((session) => sessionView(session, claims.sid)) } }
  },
})

export const endMySessionRoute = route({
  summary: 'End one of my sessions',
  tag: 'Sessions',
  who: 'user',
  params: Type.Object({ id: Id }),
  answers: { 204: { description: 'It has ended.' } },
  errors: ['not_found'],
  async handle({ app, act, params }, { claims }) {
    await endOwnSession(app, act, claims.sub, claims.sid, params.id)
    return { status: 204 }
  },
})
