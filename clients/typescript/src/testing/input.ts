type Body = Record<string, unknown>
type Check = (value: unknown) => boolean
export type Flaw = { pointer: string; code: string; detail: string }

const text =
  (least: number, most: number, shape = /^/): Check =>
  (value) =>
    typeof value === 'string' && value.length >= least && value.length <= most && shape.test(value)
const oneOf =
  (...values: unknown[]): Check =>
  (value) =>
    values.includes(value)
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value)

// biome-ignore lint/suspicious/noControlCharactersInRegex: names must not have any.
const oneLine = /^(?=.*\S|$)[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/
const email = text(3, 254)
const password = text(1, 1024)
const token = text(1, 200)
const name = text(1, 200, oneLine)
const locale = text(1, 35, /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/)
const device_name = text(1, 100, oneLine)
const delivery = oneOf('body', 'cookie')
const refresh_token = text(1, 512)
const metadata: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)
const flag = oneOf(true, false)
const role = text(1, 63, /^[a-z][a-z0-9_.:-]*$/)
const roles: Check = (value) =>
  Array.isArray(value) && value.length <= 50 && new Set(value).size === value.length && value.every(role)
const person = { name: orNull(name), locale: orNull(locale), roles, email_verified: flag, metadata }

/** What stands in a URL is text. */
const limit: Check = (value) => /^\d{1,15}$/.test(String(value)) && Number(value) >= 1 && Number(value) <= 200
const cursor = text(1, 400)
const moment: Check = (value) =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(String(value)) &&
  !Number.isNaN(Date.parse(String(value)))

const notAcceptable = 'This value is not acceptable.'

type Fields = { needed?: Record<string, Check>; may?: Record<string, Check>; any?: true }

/** What the contract lets each route be sent. */
const bodies: Record<string, Fields> = {
  'POST /v1/auth/register': { needed: { email, password }, may: { name, locale, device_name, delivery } },
  'POST /v1/auth/login': { needed: { email, password }, may: { device_name, delivery, refresh_token } },
  'POST /v1/auth/refresh': { may: { refresh_token } },
  'POST /v1/auth/logout': { may: { refresh_token, scope: oneOf('this', 'others', 'all') } },
  'POST /v1/auth/forgot-password': { needed: { email } },
  'POST /v1/auth/reset-password': { needed: { token, new_password: password } },
  'POST /v1/auth/verify-email': { needed: { token } },
  'POST /v1/auth/verify-email/resend': { needed: { email } },
  'PATCH /v1/users/me': { may: { name: orNull(name), locale: orNull(locale), metadata }, any: true },
  'DELETE /v1/users/me': { needed: { password } },
  'POST /v1/users/me/password': {
    needed: { current_password: password, new_password: password },
    may: { end_other_sessions: flag },
  },
  'POST /v1/users/me/email': { needed: { new_email: email, password } },
  'POST /v1/users/me/email/confirm': { needed: { token } },
  'POST /v1/admin/users': { needed: { email }, may: { password, ...person } },
  'PATCH /v1/admin/users/{id}': { may: { email, ...person }, any: true },
}

/** And in its query; nothing elsewhere. */
const queries: Record<string, Record<string, Check>> = {
  'GET /v1/users/me/sessions': { limit, cursor },
  'GET /v1/users/me/export': { limit, cursor },
  'GET /v1/admin/users': {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a search must not have any.
    q: text(0, 200, /^[^\u0000-\u001f\u007f-\u009f]*$/),
    status: oneOf('active', 'pending', 'disabled'),
    role,
    created_after: moment,
    created_before: moment,
    sort: oneOf('created_at', '-created_at', 'email'),
    limit,
    cursor,
  },
  'GET /v1/admin/users/{id}/sessions': { limit, cursor },
  'GET /v1/revocations': { since: text(1, 100) },
  'GET /v1/revocations/stream': { since: text(1, 100) },
}

/** Where an address must be one. */
const mailed: Record<string, string> = {
  'POST /v1/auth/register': 'email',
  'POST /v1/auth/login': 'email',
  'POST /v1/auth/forgot-password': 'email',
  'POST /v1/auth/verify-email/resend': 'email',
  'POST /v1/users/me/email': 'new_email',
  'POST /v1/admin/users': 'email',
  'PATCH /v1/admin/users/{id}': 'email',
}

/** What is wrong with a body, in the order and the places in which the server says so; empty when nothing is. */
export function flawsOf(route: string, body: Body): Flaw[] {
  const { needed = {}, may = {}, any = false } = bodies[route] ?? {}
  if (!bodies[route]) return []
  const flaw = (name: string, code: string, detail: string) => ({ pointer: name && `/${name}`, code, detail })
  if (Array.isArray(body) || Object(body) !== body) return [flaw('', 'type', 'It must be object.')]
  const checks = { ...needed, ...may }
  const flaws = [
    ...Object.keys(needed)
      .filter((name) => body[name] === undefined)
      .map((name) => flaw(name, 'required', 'This field is needed.')),
    ...Object.keys(body)
      .filter((name) => !Object.hasOwn(checks, name))
      .map((name) => flaw(name, 'unknown_field', 'There is no such field here; check its spelling.')),
    ...Object.entries(checks)
      .filter(([name, check]) => body[name] !== undefined && !check(body[name]))
      .flatMap(([name]) => placesOf(name, body[name]).map((each) => flaw(each, 'format', notAcceptable))),
  ]
  if (any && Object.keys(body).length === 0) flaws.push(flaw('', 'minProperties', 'Nothing to change.'))
  const address = mailed[route]
  if (
    flaws.length === 0 &&
    address &&
    body[address] !== undefined &&
    !/^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(String(body[address]))
  ) {
    flaws.push(flaw(address, 'format', 'This is not an address we can send mail to: use name@example.com.'))
  }
  return flaws
}

/** Of a list its wrong items. */
function placesOf(name: string, value: unknown): string[] {
  const wrong = name === 'roles' && Array.isArray(value) ? value.flatMap((each, at) => (role(each) ? [] : [at])) : []
  return wrong.length > 0 ? wrong.map((at) => `${name}/${at}`) : [name]
}

/** The same for what stands in the URL. */
export function queryFlawsOf(route: string, query: URLSearchParams): Flaw[] {
  const checks = queries[route] ?? {}
  return [...new Set(query.keys())].flatMap((name) => {
    const pointer = `/query/${name}`
    const [value, ...more] = query.getAll(name)
    if (!Object.hasOwn(checks, name)) {
      return [{ pointer, code: 'unknown_field', detail: 'There is no such field here; check its spelling.' }]
    }
    if (more.length > 0) return [{ pointer, code: 'repeated', detail: 'It was sent more than once; send it once.' }]
    return checks[name]!(value) ? [] : [{ pointer, code: 'format', detail: notAcceptable }]
  })
}

export function paramFlawsOf(params: Record<string, string>): Flaw[] {
  const wrong = Object.keys(params).filter((name) => !isId(params[name]!))
  const detail = 'Send an id as this server hands it out.'
  return wrong.map((name) => ({ pointer: `/params/${name}`, code: 'pattern', detail }))
}

export function isId(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(text)
}

/** For a cursor that is none, or of another order. */
export const wrongCursor: Flaw[] = [
  { pointer: '/query/cursor', code: 'format', detail: 'Send "next_cursor" of the page before, as it was.' },
]

/** Why the server would not take a password; its list of common ones is not looked at here. */
export function passwordFlaw(
  password: string,
  { email, name }: { email: string; name: string | null },
): 'validation_failed' | 'password_too_short' | 'password_too_common' | 'password_too_similar' | null {
  const { length } = [...password]
  const fold = (text: string) => text.trim().toLowerCase()
  if (length > 256) return 'validation_failed'
  if (length < 8) return 'password_too_short'
  if (new Set(password.toLowerCase()).size === 1) return 'password_too_common'
  const theirs = [email, email.replace(/@[^@]*$/, ''), name ?? '']
  return theirs.some((each) => each !== '' && fold(each) === fold(password)) ? 'password_too_similar' : null
}
