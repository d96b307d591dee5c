import { Type } from 'typebox'
import type { App } from '../../app.ts'
import { AppError, catalogue, type ErrorCode } from '../../errors.ts'
import { contentPolicy, errorPage, referencePage } from '../documentation.ts'
import { openApi } from '../openapi.ts'
import { route } from '../route.ts'
import { routes } from '../routes.ts'

/** Made once: the routes and the public address do not change while a server runs. */
const document = onceFor((app: App) => openApi(routes, app.config.publicUrl))
const reference = onceFor((app: App) => referencePage(document(app)))

function onceFor<T>(make: (app: App) => T): (app: App) => T {
  const made = new WeakMap<App, { value: T }>()
  return (app) => {
    const known = made.get(app) ?? { value: make(app) }
    made.set(app, known)
    return known.value
  }
}

const html = 'text/html; charset=utf-8'
const page = (body: string) => ({
  status: 200,
  body,
  headers: { 'content-type': html, 'content-security-policy': contentPolicy, 'cache-control': 'public, max-age=300' },
})

export const openApiRoute = route({
  summary: 'This API as an OpenAPI 3.1 document',
  tag: 'Discovery',
  who: 'anyone',
  quiet: true,
  answers: { 200: { description: 'The document.', schema: Type.Record(Type.String(), Type.Unknown()) } },
  errors: [],
  handle: ({ app }) => ({
    status: 200,
    body: document(app),
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
  handle: ({ app }) => page(reference(app)),
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
