import { Type } from 'typebox'
import type { App } from '../../app.ts'
import { AppError } from '../../errors.ts'
import { refuseWhenBlind } from '../../flows/know-revocations.ts'
import { readRevocations } from '../../flows/read-revocations.ts'
import { exampleCursor, exampleRevocation } from '../examples.ts'
import { Revocation } from '../fields.ts'
import { revocationStream } from '../revocation-stream.ts'
import { route } from '../route.ts'
import { revocationView } from '../views.ts'

const Since = Type.Optional(
  Type.String({ minLength: 1, maxLength: 100, description: 'a "cursor" of this feed, as it was.' }),
)

const eventStream = 'text/event-stream; charset=utf-8'

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

export const streamRevocationsRoute = route({
  summary: 'What is revoked, as it comes',
  description:
    'Server-sent events. "revocation" carries one item, and as id a cursor with which Last-Event-ID (or "since") goes on. ' +
    '"snapshot" says that what follows is everything that still matters, because the cursor was too old or there was ' +
    'none; keep what you have, too. A comment comes every second while there is nothing to tell: ask "/v1/revocations" ' +
    'beside a stream that is silent for longer, for its connection may be dead. Who stops reading is dropped.',
  tag: 'Services',
  who: 'service',
  scope: 'revocations:read',
  query: Type.Object({ since: Since }, { additionalProperties: false }),
  headers: {
    'Last-Event-ID': {
      description: 'The id of the last event that was received. It wins over "since".',
      pattern: '^[A-Za-z0-9_-]{1,100}$',
      example: exampleCursor,
    },
  },
  answers: {
    200: {
      description: 'The stream.',
      contentType: eventStream,
      example: `id: ${exampleCursor}\nevent: revocation\ndata: ${JSON.stringify(exampleRevocation)}\n\n`,
    },
  },
  errors: ['overloaded'],
  handle({ app, query, header }, { secretId }) {
    // An empty one is what browsers and libraries send before the first event.
    const lastEvent = header('last-event-id') || undefined
    const since = placeOf(app, lastEvent, '/headers/last-event-id') ?? placeOf(app, query.since, '/query/since')
    refuseWhenBlind(app)
    if (app.followers.isFull()) {
      const detail = 'This process serves as many streams as it may (NTT_AUTH_REVOCATION_STREAMS); poll meanwhile.'
      throw new AppError('overloaded', { retryAfter: 5, detail })
    }
    return {
      status: 200,
      // Proxies that collect an answer before they pass it on would hold it for ever; and a connection that goes idle
      // while the server stops would hold that up.
      headers: { 'content-type': eventStream, 'x-accel-buffering': 'no', connection: 'close' },
      stream: () => revocationStream(app, secretId, since),
    }
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
