import { accountAt, accountOf, changeUser, setPassword } from '../accounts.ts'
import { json, nothing, problem, refusedPassword } from '../answers.ts'
import type { Handler } from '../call.ts'
import { forgetGuesses } from '../guesses.ts'
import { forgetLinks, linkOf, mailLink } from '../links.ts'
import { endSessionsOf } from '../sessions.ts'
import type { World } from '../world.ts'

/** Nobody learns from the answer whether the address is known. */
export const forgotPassword: Handler = (world, { body }) => {
  const account = accountAt(world, body.email)
  if (account && account.user.status !== 'disabled') {
    mailLink(world, account.password === null ? 'invitation' : 'reset_password', account)
  }
  return accepted()
}

export const resendVerification: Handler = (world, { body }) => {
  const account = accountAt(world, body.email)
  if (account) mailLink(world, 'verify_email', account)
  return accepted()
}

/** Who has the link of an invitation or a reset chooses the password; a password that is refused leaves it as it was. */
export const resetPassword: Handler = (world, { body }) => {
  const link = linkOf(world, ['reset_password', 'invitation'], body.token)
  const account = link && accountOf(world, link.userId)
  if (!account || account.user.email !== link.to || account.user.status === 'disabled') return noGood(world)
  const weak = refusedPassword(world, body.new_password, account.user, '/new_password')
  if (weak) return weak
  link.used = true
  setPassword(world, account, String(body.new_password))
  forgetGuesses(world, account)
  changeUser(world, account, { status: 'active', ...(link.mailed && { email_verified: true }) })
  forgetLinks(world, link.userId, ['change_email'])
  endSessionsOf(world, link.userId, 'password_changed')
  return nothing()
}

export const verifyEmail: Handler = (world, { body }) => {
  const link = linkOf(world, ['verify_email'], body.token)
  const account = link && accountOf(world, link.userId)
  if (account?.user.email !== link?.to || !account) return noGood(world)
  link!.used = true
  changeUser(world, account, { email_verified: true })
  return nothing()
}

export const confirmEmail: Handler = (world, { body }) => {
  const link = linkOf(world, ['change_email'], body.token)
  const account = link && accountOf(world, link.userId)
  if (account?.user.status !== 'active' || accountAt(world, link!.to)) return noGood(world)
  forgetLinks(world, link!.userId)
  changeUser(world, account, { email: link!.to, email_verified: true })
  return nothing()
}

function accepted(): Response {
  return json({ status: 'accepted' }, 202)
}

function noGood(world: World): Response {
  return problem(world, 'invalid_one_time_token')
}
