import { nothing, problem } from '../answers.ts'
import type { PersonalHandler } from '../call.ts'
import { endSession, sessionsOf } from '../sessions.ts'
import { sessionPage } from './session-page.ts'

export const listMySessions: PersonalHandler = (world, { query }, { account, session }) =>
  sessionPage(world, account.user.id, query, session)

export const endMySession: PersonalHandler = (world, { params }, { account, session }) => {
  const other = sessionsOf(world, account.user.id).find((each) => each.id === params.id)
  if (!other) return problem(world, 'not_found')
  endSession(world, other, other === session ? 'logout' : 'logout_others')
  return nothing()
}
