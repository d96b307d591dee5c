import { Type } from 'typebox'
import type { App } from '../../app.ts'
import { AppError } from '../../errors.ts'
import { readRevocations } from '../../flows/read-revocations.ts'
import { exampleCursor, exampleRevocation } from '../examples.ts'
import { Revocation } from '../fields.ts'
import { route } from '../route.ts'
import { revocationView } from '../views.ts'

const Since = Type.Optional(
  Type.String({ minLength: 1, maxLength: 100, description: 'a "cursor" of this feed, as it was.' }),
)

export const readRevocationsRoute = route({
  summary: 'What was revoked',
  description:
    'Without "since" everything that still matters, with it what came since. Keep each item until its "until"; the same ' +
    'one may come again. "more": ask on at once. Cursors of one node are good on every other.',
  tag: 'Services',
  who: 'service',
  scope: 'revocations:read',
  quiet: true,
  query: Type.Object({ since: Since }, { additionalProperties: false }),
  answers: {
    200: {
      description: 'The items, and the cursor for the next question.',
      schema: Type.Object({ cursor: Type.String(), items: Type.Array(Revocation), more: Type.Boolean() }),
      example: { cursor: exampleCursor, items: [exampleRevocation], more: false },
    },
  },
  errors: [],
  async handle({ app, query }) {
    const { items, position, more } = await readRevocations(app, placeOf(app, query.since, '/query/since') ?? 0)
    return { status: 200, body: { cursor: app.feedCursors.mint(position), items: items.map(revocationView), more } }
  },
})

/** @throws AppError `validation_failed` for what is no cursor of ours */
function placeOf(app: App, cursor: string | undefined, pointer: string): number | null {
  if (cursor === undefined) return null
  const place = app.feedCursors.read(cursor)
  if (place !== null) return place
  const detail = 'This is no cursor of this server. Send one as it was received, or none to get everything.'
  throw new AppError('validation_failed', { detail, errors: [{ pointer, code: 'format', detail }] })
}
