import { createHash } from 'node:crypto'
import { catalogue, type ErrorCode } from '../errors.ts'

/** The API reference as plain HTML: no script, nothing from elsewhere, readable by every browser and reader. */

const style = `
:root{color-scheme:light dark;--line:color-mix(in srgb,currentColor 18%,transparent);--soft:color-mix(in srgb,currentColor 6%,transparent)}
body{font:16px/1.55 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1.5rem}
nav ul{columns:2 20rem;padding-left:1.2rem}
article{border-top:1px solid var(--line);margin-top:2rem;padding-top:.5rem}
h2,h3{line-height:1.25}
code,pre{font:14px/1.45 ui-monospace,monospace}
pre{background:var(--soft);padding:.8rem;overflow:auto;border-radius:.4rem}
table{border-collapse:collapse;width:100%;display:block;overflow-x:auto}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line)}
.method{display:inline-block;min-width:4.2rem;font-weight:700}
`
const styleHash = createHash('sha256').update(style).digest('base64')

export const contentPolicy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

function document(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title><style>${style}</style></head><body>${body}</body></html>
`
}

type BodySchema = { required?: string[]; properties?: Record<string, { description?: string; type?: string }> }

type Operation = {
  operationId: string
  tags: string[]
  summary: string
  description?: string
  'x-who': string
  'x-scope'?: string
  parameters?: {
    name: string
    in: string
    required?: boolean
    description?: string
    schema?: { description?: string }
  }[]
  requestBody?: { required: boolean; content: Record<string, { schema: BodySchema; example?: unknown }> }
  responses: Record<string, { description: string; content?: Record<string, { example?: unknown }> }>
}

/** @param api the document of `openApi` */
export function referencePage(api: Record<string, unknown>): string {
  const info = api.info as { title: string; description: string }
  const operations = Object.entries(api.paths as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
  const contents = operations
    .map(
      ({ method, path, operation }) => `<li><a href="#${operation.operationId}">${method} ${escapeHtml(path)}</a></li>`,
    )
    .join('')
  const articles = operations.map(({ method, path, operation }) => article(method, path, operation)).join('')
  return document(
    `${info.title}: API reference`,
    `<header><h1>${info.title}: API reference</h1><p>${escapeHtml(info.description)}</p>
<p>For programs: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p></header>
<nav aria-label="Routes"><ul>${contents}</ul></nav><main>${articles}</main>`,
  )
}

const callers: Record<string, string> = {
  anyone: 'Anyone may call this.',
  session: 'Called with a refresh token.',
  user: 'Called with an access token.',
  service: 'Called by a service, with its client id and secret (HTTP Basic).',
  admin: 'Called with an access token of a user who has the role admin.',
}

function callerText({ 'x-who': who, 'x-scope': scope }: Operation): string {
  const service = who === 'admin' ? 'Or by a service with' : 'It needs'
  return `${callers[who] ?? ''}${scope ? ` ${service} the scope <code>${escapeHtml(scope)}</code>.` : ''}`
}

function article(method: string, path: string, operation: Operation): string {
  const { description, parameters, requestBody, responses } = operation
  return `<article id="${operation.operationId}">
<h2><span class="method">${method}</span> <code>${escapeHtml(path)}</code></h2>
<p><strong>${escapeHtml(operation.summary)}.</strong> ${escapeHtml(description ?? '')} ${callerText(operation)}</p>
${parameters ? parameterTable(parameters) : ''}${requestBody ? bodySection(requestBody) : ''}
<h3>Answers</h3><table><thead><tr><th scope="col">Status</th><th scope="col">Meaning</th></tr></thead><tbody>${Object.entries(
    responses,
  )
    .map(([status, response]) => `<tr><td>${status}</td><td>${linkCodes(escapeHtml(response.description))}</td></tr>`)
    .join('')}</tbody></table>
${Object.entries(responses)
  .filter(([status]) => status.startsWith('2'))
  .map(([status, response]) => example(`Answer ${status}`, response.content ?? {}))
  .join('')}</article>`
}

function parameterTable(parameters: NonNullable<Operation['parameters']>): string {
  const rows = parameters.map(
    ({ name, in: place, required, description, schema }) =>
      `<tr><td><code>${escapeHtml(name)}</code></td><td>${place}${required ? ', needed' : ''}</td><td>${escapeHtml(description ?? schema?.description ?? '')}</td></tr>`,
  )
  return `<h3>Parameters</h3><table><thead><tr><th scope="col">Name</th><th scope="col">In</th><th scope="col">Meaning</th></tr></thead><tbody>${rows.join('')}</tbody></table>`
}

function bodySection({ required, content }: NonNullable<Operation['requestBody']>): string {
  const [[type, { schema, example: shown }]] = Object.entries(content) as [
    [string, { schema: BodySchema; example: unknown }],
  ]
  const rows = Object.entries(schema.properties ?? {}).map(
    ([name, field]) =>
      `<tr><td><code>${escapeHtml(name)}</code></td><td>${schema.required?.includes(name) ? 'needed' : 'optional'}</td><td>${escapeHtml(field.description ?? field.type ?? '')}</td></tr>`,
  )
  return `<h3>Request body</h3><p><code>${escapeHtml(type)}</code>${required ? '' : '; may be left out'}</p>
<table><thead><tr><th scope="col">Field</th><th scope="col">Needed?</th><th scope="col">Meaning</th></tr></thead><tbody>${rows.join('')}</tbody></table>
<pre tabindex="0"><code>${escapeHtml(JSON.stringify(shown, null, 2))}</code></pre>`
}

function example(title: string, content: Record<string, { example?: unknown }>): string {
  const shown = content['application/json']?.example
  if (shown === undefined) return ''
  return `<h3>${title}</h3><pre tabindex="0"><code>${escapeHtml(JSON.stringify(shown, null, 2))}</code></pre>`
}

function linkCodes(text: string): string {
  return text.replaceAll(/\b([a-z]+(?:_[a-z]+)*): /g, (all, code: string) =>
    Object.hasOwn(catalogue, code) ? `<a href="/docs/errors/${code}"><code>${code}</code></a>: ` : all,
  )
}

export function errorPage(code: ErrorCode): string {
  const { status, title, remedy } = catalogue[code]
  return document(
    `${code}: ${title}`,
    `<header><p><a href="/docs">API reference</a></p><h1><code>${code}</code></h1></header>
<main><p><strong>${escapeHtml(title)}.</strong> HTTP status ${status}.</p><p>What to do: ${escapeHtml(remedy)}</p></main>`,
  )
}
