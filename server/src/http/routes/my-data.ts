import { Type } from 'typebox'
import { toRfc3339 } from '../../clock.ts'
import { exportOwnData } from '../../flows/export-own-data.ts'
import { auditView, readAuditPlace, writeAuditPlace } from '../audit-pages.ts'
import { exampleAuditLine, exampleSession, exampleUser } from '../examples.ts'
import { AuditLineView, Session, Time, User } from '../fields.ts'
import { PageQuery } from '../pages.ts'
import { route } from '../route.ts'
import { sessionView, userView } from '../views.ts'

export const exportMeRoute = route({
  summary: 'My data',
  description:
    'All that is known about me, to keep or to take elsewhere: the profile, every session that is remembered, which mail went ' +
    'to my address, which links are good still, how many wrong passwords in a row there were, and what the audit log says, newest first; the whole log is had by "next_cursor" until it is null. Who else acted is not told.',
  tag: 'Profile',
  who: 'user',
  query: PageQuery,
  answers: {
    200: {
      description: 'What is known.',
      schema: Type.Object({
        exported_at: Time,
        user: User,
        sessions: Type.Array(Session),
        mail: Type.Array(
          Type.Object({
            mail: Type.String(),
            state: Type.String(),
            created_at: Time,
            finished_at: Type.Union([Time, Type.Null()]),
          }),
        ),
        links: Type.Array(
          Type.Object({ purpose: Type.String(), email: Type.String(), created_at: Time, expires_at: Time }),
        ),
        wrong_passwords: Type.Union([Type.Object({ failures: Type.Integer(), last_at: Time }), Type.Null()]),
        audit: Type.Array(AuditLineView),
        next_cursor: Type.Union([Type.String(), Type.Null()]),
      }),
      example: {
        exported_at: exampleSession.created_at,
        user: exampleUser,
        sessions: [exampleSession],
        mail: [
          {
            mail: 'new-device',
            state: 'sent',
            created_at: exampleSession.created_at,
            finished_at: exampleSession.created_at,
          },
        ],
        links: [],
        wrong_passwords: null,
        audit: [exampleAuditLine],
        next_cursor: null,
      },
    },
  },
  errors: [],
  async handle({ app, query }, { claims }) {
    const from = readAuditPlace(query.cursor)
    const { user, sessions, mail, links, guesses, lines, next } = await exportOwnData(
      app,
      claims.sub,
      query.limit ?? 200,
      from,
    )
    return {
      status: 200,
      body: {
        exported_at: toRfc3339(app.clock.now()),
        user: userView(user),
        sessions: sessions.map((session) => sessionView(session, claims.sid)),
        mail: mail.map(({ template, state, created_at, finished_at }) => ({
          mail: template,
          state,
          created_at: toRfc3339(created_at),
          finished_at: finished_at === null ? null : toRfc3339(finished_at),
        })),
        links: links.map(({ purpose, email, created_at, expires_at }) => ({
          purpose,
          email,
          created_at: toRfc3339(created_at),
          expires_at: toRfc3339(expires_at),
        })),
        wrong_passwords: guesses && { failures: guesses.failures, last_at: toRfc3339(guesses.last_at) },
        audit: lines.map(auditView),
        next_cursor: next && writeAuditPlace(next),
      },
    }
  },
})
