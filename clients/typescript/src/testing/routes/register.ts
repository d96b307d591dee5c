import { accountAt, addAccount, type NewUser } from '../accounts.ts'
import { delivered, problem, refusedPassword } from '../answers.ts'
import type { Handler } from '../call.ts'
import { issueTokens, startSession } from '../sessions.ts'

export const register: Handler = async (world, { body }) => {
  if (accountAt(world, body.email)) return problem(world, 'email_taken')
  const { email, password, name = null, locale = null } = body as NewUser
  const weak = refusedPassword(world, password, { email, name }, '/password')
  if (weak) return weak
  const session = startSession(world, addAccount(world, { email, password, name, locale }), body.device_name)
  return delivered(world, await issueTokens(world, session), body.delivery === 'cookie', 201)
}
