import { Type } from 'typebox'
import type { App } from '../../app.ts'
import { AppError, catalogue, type ErrorCode } from '../../errors.ts'
import { contentPolicy, errorPage, referencePage } from '../documentation.ts'
import { openApi } from '../openapi.ts'
import { route } from '../route.ts'
import type { Place } from '../routes.ts'

type Served = { app: App; places: readonly Place[] }

/** Made once: the routes and the public address do not change while a server runs. */
const document = onceFor(({ app, places }) => openApi(places, app.config.publicUrl))
const reference = onceFor((served) => referencePage(document(served)))

function onceFor<T>(make: (served: Served) => T): (served: Served) => T {
  const made = new WeakMap<App, { value: T }>()
  return (served) => {
    const known = made.get(served.app) ?? { value: make(served) }
    made.set(served.app, known)
    return known.value
  }
}

const html = 'text/html; charset=utf-8'
const page = (body: string) => ({
  status: 200,
  body,
  headers: {
    'content-type': html,
    'content-security-policy': contentPolicy,
    'cross-origin-opener-policy': 'same-origin',
    'cache-control': 'public, max-age=300',
  },
})

export const openApiRoute = route({
  summary: 'This API as an OpenAPI 3.1 document',
  tag: 'Discovery',
  who: 'anyone',
  quiet: true,
  answers: { 200: { description: 'The document.', schema: Type.Record(Type.String(), Type.Unknown()) } },
  errors: [],
  handle: (served) => ({
    status: 200,
    body: document(served),
    headers: { 'cache-control': 'public, max-age=300' },
  }),
})

export const docsRoute = route({
  summary: 'The API reference, as a page',
  tag: 'Discovery',
  who: 'anyone',
  quiet: true,
  answers: { 200: { description: 'A page that needs no script and nothing from elsewhere.', contentType: html } },
  errors: [],
  handle: (served) => page(reference(served)),
})

export const errorDocsRoute = route({
  summary: 'What an error code means',
  tag: 'Discovery',
  who: 'anyone',
  quiet: true,
  params: Type.Object({ code: Type.String({ maxLength: 64, description: 'an error code.' }) }),
  answers: { 200: { description: 'A page about one error code.', contentType: html } },
  errors: ['not_found'],
  handle({ params }) {
    if (!Object.hasOwn(catalogue, params.code)) throw new AppError('not_found')
    return page(errorPage(params.code as ErrorCode))
  },
})
