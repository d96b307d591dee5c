import { Type } from 'typebox'
import { auditEventNames } from '../../domain/audit/events.ts'
import { searchLines } from '../../domain/audit/search.ts'
import { auditView, readAuditPlace, writeAuditPlace } from '../audit-pages.ts'
import { exampleAuditLine } from '../examples.ts'
import { AuditLineView, Id } from '../fields.ts'
import { PageQuery } from '../pages.ts'
import { route } from '../route.ts'
import { readTime } from '../user-pages.ts'

const Moment = (description: string) => Type.Optional(Type.String({ minLength: 20, maxLength: 35, description }))

export const searchAuditRoute = route({
  summary: 'The audit log',
  description:
    'Who did what to whom, from where and when, newest first. Filters narrow each other down. What was said about a ' +
    'person who has been deleted cannot be read any more: then "erased" is true. A page may be followed by an empty one.',
  tag: 'Administration',
  who: 'admin',
  permission: 'audit:read',
  query: Type.Object(
    {
      event: Type.Optional(
        Type.Union(
          auditEventNames.map((name) => Type.Literal(name)),
          { description: 'the name of an event, as docs/reference/audit-events.md lists them.' },
        ),
      ),
      user: Type.Optional({ ...Id, description: 'the id of a user whom it concerns.' }),
      actor: Type.Optional({ ...Id, description: 'the id of the user or service who did it.' }),
      subject: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 64,
          pattern: '^[A-Za-z0-9_.-]+$',
          description: 'the id of the user, session, service, key or token to which it was done.',
        }),
      ),
      since: Moment('at or after this time (RFC 3339).'),
      until: Moment('before this time (RFC 3339).'),
      limit: PageQuery.properties.limit,
      cursor: PageQuery.properties.cursor,
    },
    { additionalProperties: false },
  ),
  answers: {
    200: {
      description: 'A page of lines.',
      schema: Type.Object({ items: Type.Array(AuditLineView), next_cursor: Type.Union([Type.String(), Type.Null()]) }),
      example: { items: [exampleAuditLine], next_cursor: null },
    },
  },
  errors: [],
  async handle({ app, query }) {
    const { event, user, actor, subject, limit = 50 } = query
    const [since, until] = [readTime('since', query.since), readTime('until', query.until)]
    const from = readAuditPlace(query.cursor)
    const found = await searchLines(
      app.database.db,
      { event, user, actor, subject, since, until },
      'newest',
      limit + 1,
      from,
    )
    const page = found.slice(0, limit)
    const last = page.at(-1)
    const next = found.length > limit && last ? writeAuditPlace(last.line) : null
    return { status: 200, body: { items: page.map(({ line }) => auditView(line)), next_cursor: next } }
  },
})
