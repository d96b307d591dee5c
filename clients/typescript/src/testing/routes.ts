import { invalid, json, problem } from './answers.ts'
import { authenticate } from './authenticate.ts'
import type { Handler, PersonalHandler, SeenRequest } from './call.ts'
import { flawsOf } from './input.ts'
import { login } from './routes/login.ts'
import { logout } from './routes/logout.ts'
import { confirmEmail, forgotPassword, resendVerification, resetPassword, verifyEmail } from './routes/mailed-links.ts'
import { changeEmail, changePassword, deleteMe, exportMe, readMe, updateMe, validate } from './routes/me.ts'
import { endMySession, listMySessions } from './routes/my-sessions.ts'
import { refresh } from './routes/refresh.ts'
import { register } from './routes/register.ts'
import { readRevocations, streamRevocations } from './routes/revocations.ts'
import type { World } from './world.ts'

/** Routes that anyone may call, or that see for themselves who does. */
const open: Record<string, Handler> = {
  'POST /v1/auth/register': register,
  'POST /v1/auth/login': login,
  'POST /v1/auth/refresh': refresh,
  'POST /v1/auth/logout': logout,
  'POST /v1/auth/forgot-password': forgotPassword,
  'POST /v1/auth/reset-password': resetPassword,
  'POST /v1/auth/verify-email': verifyEmail,
  'POST /v1/auth/verify-email/resend': resendVerification,
  'POST /v1/users/me/email/confirm': confirmEmail,
  'GET /v1/revocations': readRevocations,
  'GET /v1/revocations/stream': streamRevocations,
  'GET /.well-known/jwks.json': async ({ tokens }) => json(await tokens.jwks()),
}

/** For whoever is logged in, and for nobody else. */
const personal: Record<string, PersonalHandler> = {
  'GET /v1/auth/validate': validate,
  'GET /v1/users/me': readMe,
  'PATCH /v1/users/me': updateMe,
  'DELETE /v1/users/me': deleteMe,
  'GET /v1/users/me/export': exportMe,
  'POST /v1/users/me/password': changePassword,
  'POST /v1/users/me/email': changeEmail,
  'GET /v1/users/me/sessions': listMySessions,
  'DELETE /v1/users/me/sessions/{id}': endMySession,
}

/** Leads a request to its route: who calls, then what was sent, then the handler, as the server does. */
export async function answer(world: World, request: SeenRequest, cookie: string | null): Promise<Response> {
  const [path = '', search = ''] = request.path.split('?')
  const found = find(request.method, path)
  if (!(found instanceof Object)) return problem(world, found, found === 405 ? 'method_not_allowed' : 'not_found')
  const { route, params } = found
  const call = { ...request, route, params, query: new URLSearchParams(search), cookie }
  const caller = route in personal ? await authenticate(world, request.headers) : null
  if (caller instanceof Response) return caller
  const flaws = flawsOf(route, request.body)
  if (flaws.length > 0) return invalid(world, flaws)
  return caller ? personal[route]!(world, call, caller) : open[route]!(world, call)
}

type Found = { route: string; params: Record<string, string> }

/** @returns the status of the refusal where there is no such route */
function find(method: string, path: string): Found | 404 | 405 {
  let isKnown = false
  for (const route of [...Object.keys(open), ...Object.keys(personal)]) {
    const [itsMethod, template] = route.split(' ') as [string, string]
    const params = paramsOf(template, path)
    if (!params) continue
    if (itsMethod === method) return { route, params }
    isKnown = true
  }
  return isKnown ? 405 : 404
}

/** What a path has in the places of the template; null where it does not fit. */
function paramsOf(template: string, path: string): Record<string, string> | null {
  const [places, pieces] = [template.split('/'), path.split('/')]
  if (places.length !== pieces.length) return null
  const params: Record<string, string> = {}
  for (const [index, place] of places.entries()) {
    const piece = pieces[index]!
    const name = /^\{(\w+)\}$/.exec(place)?.[1]
    if (name === undefined ? place !== piece : piece === '') return null
    if (name !== undefined) params[name] = piece
  }
  return params
}
