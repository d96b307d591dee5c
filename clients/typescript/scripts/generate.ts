/**
 * Writes what the contract says as TypeScript: the shapes of `contract/openapi.json` and the codes of
 * `contract/errors.json`. The test compares, so that neither can drift. `node scripts/generate.ts` writes anew.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export type Schema = {
  $ref?: string
  type?: string
  const?: unknown
  anyOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  required?: string[]
  description?: string
}
type Content = { content: Record<string, { schema: Schema }> }
export type Operation = {
  requestBody?: Content
  responses: Record<string, Content>
  parameters?: { name: string; in: string; schema: Schema }[]
}

const root = fileURLToPath(new URL('../../../', import.meta.url))
const read = (file: string) => JSON.parse(readFileSync(`${root}contract/${file}`, 'utf8'))

/** Which request bodies the client sends, and what it calls them. */
const inputs: [string, string, string][] = [
  ['RegisterInput', 'post', '/v1/auth/register'],
  ['LoginInput', 'post', '/v1/auth/login'],
  ['UserPatch', 'patch', '/v1/users/me'],
  ['PasswordChange', 'post', '/v1/users/me/password'],
  ['AccountDeletion', 'delete', '/v1/users/me'],
  ['MailRequest', 'post', '/v1/auth/forgot-password'],
  ['MailedToken', 'post', '/v1/auth/verify-email'],
  ['PasswordReset', 'post', '/v1/auth/reset-password'],
  ['EmailChange', 'post', '/v1/users/me/email'],
]
/** What single routes answer. */
const answers: [string, string, string, number][] = [
  ['OwnData', 'get', '/v1/users/me/export', 200],
  ['PlannedDeletion', 'delete', '/v1/users/me', 202],
]
type Place = [string, string, string]
/** What an administrator sends and gets, by the names of `/admin`. */
const adminQueries: Place[] = [
  ['UserQuery', 'get', '/v1/admin/users'],
  ['AuditQuery', 'get', '/v1/admin/audit'],
]
const adminInputs: Place[] = [
  ['UserInput', 'post', '/v1/admin/users'],
  ['UserChange', 'patch', '/v1/admin/users/{id}'],
  ['KeyRotation', 'post', '/v1/admin/keys/rotate'],
  ['ServiceInput', 'post', '/v1/admin/services'],
  ['ServiceChange', 'patch', '/v1/admin/services/{id}'],
  ['SecretInput', 'post', '/v1/admin/services/{id}/secrets'],
]
const adminAnswers: Place[] = [
  ['AdminUser', 'get', '/v1/admin/users/{id}'],
  ['CreatedUser', 'post', '/v1/admin/users'],
  ['ResetLink', 'post', '/v1/admin/users/{id}/reset-password'],
  ['Stats', 'get', '/v1/admin/stats'],
  ['Service', 'get', '/v1/admin/services/{id}'],
  ['ServiceWithSecret', 'post', '/v1/admin/services'],
]
/** The items of lists. */
const adminItems: Place[] = [
  ['AuditLine', 'get', '/v1/admin/audit'],
  ['SigningKey', 'get', '/v1/admin/keys'],
]
/** What the contract calls a session is a row of the device list here: `Session` is the client's own. */
const names: Record<string, string> = { Session: 'SessionInfo' }

/** What stands above a declaration. */
const words: Record<string, string> = {
  User: '/** An account, as its owner sees it. */\n',
  Tokens: '/** What the server answers to a login or a refresh; the client keeps it to itself. */\n',
  Session: '/** One row of the device list. */\n',
  Problem: '/** What the server answers when it refuses (RFC 9457). */\n',
}
const sent = (method: string, path: string) => `/** What \`${method.toUpperCase()} ${path}\` takes. */\n`
const answered = (method: string, path: string) => `/** What \`${method.toUpperCase()} ${path}\` answers. */\n`
const sentTo = ([, method, path]: Place) => sent(method, path)
const answeredBy = ([, method, path]: Place) => answered(method, path)
const item = ([, method, path]: Place) => `/** One of those that \`${method.toUpperCase()} ${path}\` answers. */\n`

export const generated: Record<string, () => string> = {
  'src/contract.ts': contractTypes,
  'src/admin/contract.ts': adminTypes,
  'src/errors/codes.ts': errorCodes,
}

function contractTypes(): string {
  const { components, paths } = read('openapi.json')
  const wanted = ['User', 'Tokens', 'Session', 'Problem']
  const types = wanted.map((name) => words[name] + answerType(names[name] ?? name, components.schemas[name]))
  for (const [name, method, path] of inputs) {
    const operation: Operation = paths[path][method]
    types.push(sent(method, path) + declaration(name, Object.values(operation.requestBody!.content)[0]!.schema))
  }
  for (const [name, method, path, status] of answers) {
    const { content } = (paths[path][method] as Operation).responses[status]!
    types.push(answered(method, path) + answerType(name, Object.values(content)[0]!.schema))
  }
  return `// Generated from contract/openapi.json by scripts/generate.ts.\n\n${types.join('\n\n')}\n`
}

function adminTypes(): string {
  const { paths } = read('openapi.json')
  const at = ([, method, path]: Place): Operation => paths[path][method]
  const body = ({ content }: Content) => Object.values(content)[0]!.schema
  const answer = (place: Place) => body(at(place).responses[200] ?? at(place).responses[201]!)
  const types = [
    ...adminQueries.map((place) => sentTo(place) + declaration(place[0], queryOf(at(place)))),
    ...adminInputs.map((place) => sentTo(place) + declaration(place[0], body(at(place).requestBody!))),
    ...adminAnswers.map((place) => answeredBy(place) + answerType(place[0], told(answer(place)))),
    ...adminItems.map((place) => `${item(place)}${answerType(place[0], answer(place).properties!.items!.items!)}`),
  ]
  return `// Generated from contract/openapi.json by scripts/generate.ts.\n\n${types.join('\n\n')}\n`
}

/** What is said of a field only where it is not null is said of the field. */
function told(schema: Schema): Schema {
  const fields = Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const description = field.description ?? field.anyOf?.find((each) => each.description)?.description
    return [name, description === undefined ? field : { ...field, description }]
  })
  return { ...schema, properties: Object.fromEntries(fields) }
}

/** The cursor is left to whoever walks the pages. */
export function queryOf({ parameters = [] }: Operation): Schema {
  const fields = parameters.filter((each) => each.in === 'query' && each.name !== 'cursor')
  return { type: 'object', properties: Object.fromEntries(fields.map(({ name, schema }) => [name, schema])) }
}

function errorCodes(): string {
  const { errors } = read('errors.json') as { errors: { code: string; title: string }[] }
  const lines = errors.map(({ code, title }) => `  /** ${title}. */\n  | '${code}'`)
  return `// Generated from contract/errors.json by scripts/generate.ts.\n\n/** Every \`code\` that the server answers with. */\nexport type ServerCode =\n${lines.join('\n')}\n`
}

/** What is sent, as TypeScript. */
export function declaration(name: string, schema: Schema): string {
  return `export type ${name} = ${typeOf(schema, '')}`
}

/** What the server said is not for anybody to change: the client hands out what it keeps. */
export function answerType(name: string, schema: Schema): string {
  return `export type ${name} = ${typeOf(schema, '', 'readonly ')}`
}

function typeOf(schema: Schema, indent: string, readonly = ''): string {
  if (schema.$ref) {
    const name = schema.$ref.split('/').at(-1)!
    return names[name] ?? name
  }
  if (schema.const !== undefined) return typeof schema.const === 'string' ? `'${schema.const}'` : String(schema.const)
  if (schema.anyOf) return schema.anyOf.map((each) => typeOf(each, indent, readonly)).join(' | ')
  if (schema.type === 'array') {
    const items = typeOf(schema.items!, indent, readonly)
    return items.includes('|') ? `${readonly}(${items})[]` : `${readonly}${items}[]`
  }
  if (schema.type === 'integer') return 'number'
  if (schema.type !== 'object') return schema.type ?? 'unknown'
  if (!schema.properties) return readonly ? 'Readonly<Record<string, unknown>>' : 'Record<string, unknown>'
  // How tokens are delivered is an option of the client, and not of a single call.
  const shown = Object.entries(schema.properties).filter(([name]) => name !== 'delivery')
  const fields = shown.map(([name, field]) => {
    const doc = field.description ? `${indent}  /** ${field.description} */\n` : ''
    const optional = schema.required?.includes(name) ? '' : '?'
    return `${doc}${indent}  ${readonly}${name}${optional}: ${typeOf(field, `${indent}  `, readonly)}`
  })
  return `{\n${fields.join('\n')}\n${indent}}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [file, make] of Object.entries(generated)) {
    writeFileSync(new URL(`../${file}`, import.meta.url), make())
  }
}
