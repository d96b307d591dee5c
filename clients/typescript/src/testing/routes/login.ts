import { accountAt } from '../accounts.ts'
import { delivered, problem } from '../answers.ts'
import type { Handler } from '../call.ts'
import { issueTokens, startSession } from '../sessions.ts'
import { timeText } from '../world.ts'

export const login: Handler = async (world, { body }) => {
  const account = accountAt(world, body.email)
  if (!account || account.password !== body.password) return problem(world, 'invalid_credentials')
  if (account.user.status === 'pending') return problem(world, 'email_not_verified')
  if (account.user.status === 'disabled') return problem(world, 'account_disabled')
  account.user = { ...account.user, last_login_at: timeText(world.now()) }
  // Who comes back in time stays.
  account.deletionDueAt = null
  const session = startSession(world, account, body.device_name)
  return delivered(world, await issueTokens(world, session), body.delivery === 'cookie')
}
