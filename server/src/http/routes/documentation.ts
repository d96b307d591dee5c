import { Type } from 'typebox'
import { AppError, catalogue, type ErrorCode } from '../../errors.ts'
import { contentPolicy, errorPage, referencePage } from '../documentation.ts'
import { openApi } from '../openapi.ts'
import { route } from '../route.ts'
import { routes } from '../routes.ts'

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
    body: openApi(routes, app.config.publicUrl),
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
  handle: ({ app }) => page(referencePage(openApi(routes, app.config.publicUrl))),
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
