import { accountAt } from '../accounts.ts'
import { delivered, problem } from '../answers.ts'
import type { Handler } from '../call.ts'
import { issueTokens, startSession } from '../sessions.ts'

export const login: Handler = async (world, { body }) => {
  const account = accountAt(world, body.email)
  if (account?.password !== body.password) return problem(world, 401, 'invalid_credentials')
  account!.user = { ...account!.user, last_login_at: new Date(world.now()).toISOString() }
  const session = startSession(world, account!, body.device_name)
  return delivered(world, await issueTokens(world, session), body.delivery === 'cookie')
}
