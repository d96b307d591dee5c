import { accountOf } from '../accounts.ts'
import { nothing, problem } from '../answers.ts'
import type { AdminHandler } from '../call.ts'
import { endSession, sessionsOf } from '../sessions.ts'
import { sessionPage } from './session-page.ts'

export const listUserSessions: AdminHandler = (world, { params, query }, caller) =>
  accountOf(world, params.id!) ? sessionPage(world, params.id!, query, caller?.session) : problem(world, 'not_found')

export const endUserSession: AdminHandler = (world, { params }) => {
  const session = sessionsOf(world, params.id!).find((each) => each.id === params.session_id)
  if (!session) return problem(world, 'not_found')
  endSession(world, session, 'admin')
  return nothing()
}
