import { accountAt } from '../accounts.ts'
import { delivered, problem } from '../answers.ts'
import type { Handler } from '../call.ts'
import { guessing, knownDevice } from '../guesses.ts'
import { issueTokens, startSession } from '../sessions.ts'
import { timeText, type World } from '../world.ts'

export const login: Handler = (world, { body, cookie }) => {
  const address = String(body.email).toLowerCase()
  const shown = (body.refresh_token as string | undefined) ?? (body.delivery === 'cookie' ? cookie : null)
  const device = knownDevice(world, address, shown)
  return guessing(world, 'login', device ? { device } : { address }, () => enter(world, body))
}

async function enter(world: World, body: Record<string, unknown>): Promise<Response> {
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
