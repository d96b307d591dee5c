import { accountAt, accountOf } from '../accounts.ts'
import { json, nothing, problem, refusedPassword } from '../answers.ts'
import type { Handler } from '../call.ts'
import { mailOf, sendMail } from '../mails.ts'
import { endSessionsOf } from '../sessions.ts'
import type { Mail } from '../world.ts'

/** Nobody learns from the answer whether the address is known. */
const asking =
  (purpose: Mail['purpose']): Handler =>
  (world, { body }) => {
    const account = accountAt(world, body.email)
    if (account) sendMail(world, purpose, account)
    return json({ status: 'accepted' }, 202)
  }

/** Whoever has the token has the address. */
const confirming =
  (purpose: Mail['purpose']): Handler =>
  (world, { body }) => {
    const found = mailOf(world, purpose, body.token)
    if (!found) return problem(world, 400, 'invalid_one_time_token')
    const account = accountOf(world, found.userId)!
    const weak =
      purpose === 'reset_password' && refusedPassword(world, body.new_password, account.user, '/new_password')
    if (weak) return weak
    found.used = true
    world.accounts.delete(account.user.email)
    account.user = { ...account.user, email: found.to, email_verified: true }
    world.accounts.set(found.to, account)
    if (purpose === 'reset_password') {
      account.password = String(body.new_password)
      endSessionsOf(world, found.userId, 'password_changed')
    }
    return nothing()
  }

export const forgotPassword: Handler = asking('reset_password')
export const resetPassword: Handler = confirming('reset_password')
export const resendVerification: Handler = asking('verify_email')
export const verifyEmail: Handler = confirming('verify_email')
export const confirmEmail: Handler = confirming('change_email')
