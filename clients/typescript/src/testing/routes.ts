import { authenticate, isService, refusedAge, refusedRole } from './admit.ts'
import { invalid, json, problem } from './answers.ts'
import type { AdminHandler, Call, Caller, Handler, PersonalHandler, SeenRequest } from './call.ts'
import { flawsOf, paramFlawsOf, queryFlawsOf } from './input.ts'
import { endUserSession, listUserSessions } from './routes/admin-sessions.ts'
import {
  createUser,
  deleteUser,
  disableUser,
  enableUser,
  listUsers,
  logoutUser,
  readUser,
  startPasswordReset,
  unlockUser,
  updateUser,
} from './routes/admin-users.ts'
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

type AdminRoute = {
  handle: AdminHandler
  /** A service may call it, too. */
  service?: true
  /** It takes a recent login; or these fields do. */
  recent?: true | string[]
}

/** For administrators. */
const admin: Record<string, AdminRoute> = {
  'GET /v1/admin/users': { handle: listUsers, service: true },
  'POST /v1/admin/users': { handle: createUser, recent: ['roles'] },
  'GET /v1/admin/users/{id}': { handle: readUser, service: true },
  'PATCH /v1/admin/users/{id}': { handle: updateUser, recent: ['roles', 'email'] },
  'DELETE /v1/admin/users/{id}': { handle: deleteUser, recent: true },
  'POST /v1/admin/users/{id}/disable': { handle: disableUser, recent: true },
  'POST /v1/admin/users/{id}/enable': { handle: enableUser, recent: true },
  'POST /v1/admin/users/{id}/unlock': { handle: unlockUser },
  'POST /v1/admin/users/{id}/logout': { handle: logoutUser },
  'POST /v1/admin/users/{id}/reset-password': { handle: startPasswordReset, recent: true },
  'GET /v1/admin/users/{id}/sessions': { handle: listUserSessions },
  'DELETE /v1/admin/users/{id}/sessions/{session_id}': { handle: endUserSession },
}

/** Leads a request to its route: who calls, then what was sent, then the handler, as the server does. */
export async function answer(world: World, request: SeenRequest, cookie: string | null): Promise<Response> {
  const [path = '', search = ''] = request.path.split('?')
  const found = find(request.method, path)
  if (found === 'unknown') return problem(world, 'not_found', { detail: `Nothing here answers ${path}.` })
  if (found === 'other') return problem(world, 'method_not_allowed')
  const { route, params } = found
  const call = { ...request, route, params, query: new URLSearchParams(search), cookie }
  const caller = await admit(world, call)
  if (caller instanceof Response) return caller
  for (const flaws of [flawsOf(route, request.body), queryFlawsOf(route, call.query), paramFlawsOf(params)]) {
    if (flaws.length > 0) return invalid(world, flaws)
  }
  const { handle, recent } = admin[route] ?? {}
  if (!handle) return caller ? personal[route]!(world, call, caller) : open[route]!(world, call)
  const isDelicate = Array.isArray(recent) && recent.some((field) => Object.hasOwn(request.body, field))
  return (isDelicate && caller && refusedAge(world, caller)) || handle(world, call, caller)
}

/** @returns null where nobody needs to say who calls, or a service did; an answer to whoever may not */
async function admit(world: World, call: Call): Promise<Caller | Response | null> {
  const { handle, service, recent } = admin[call.route] ?? {}
  if (!handle && !Object.hasOwn(personal, call.route)) return null
  if (service && isService(call)) return null
  const caller = await authenticate(world, call.headers)
  if (!handle || caller instanceof Response) return caller
  return refusedRole(world, caller) ?? (recent === true ? refusedAge(world, caller) : null) ?? caller
}

/** Under which names a request may be spoken of, the closest first: `POST /v1/admin/users/{id}/disable`, `*`, … */
export function namesOf({ method, path: whole }: Pick<SeenRequest, 'method' | 'path'>): string[] {
  const [path = ''] = whole.split('?')
  const found = find(method, path)
  const template = found instanceof Object ? found.route.split(' ')[1]! : path
  return [`${method} ${path}`, path, `${method} ${template}`, template, '*']
}

type Found = { route: string; params: Record<string, string> }

/** @returns `other` where only other methods are known there */
function find(method: string, path: string): Found | 'unknown' | 'other' {
  let isKnown = false
  for (const route of Object.keys({ ...open, ...personal, ...admin })) {
    const [itsMethod, template] = route.split(' ') as [string, string]
    const params = paramsOf(template, path)
    if (!params) continue
    if (itsMethod === method) return { route, params }
    isKnown = true
  }
  return isKnown ? 'other' : 'unknown'
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
