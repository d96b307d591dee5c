import { accountAt } from '../accounts.ts'
import { delivered, invalid, json, nothing, problem, refusedPassword, withoutCookie } from '../answers.ts'
import type { PersonalHandler } from '../call.ts'
import { sendMail } from '../mails.ts'
import { endSession, endSessionsOf, issueTokens, sessionIn, sessionsOf, sessionView } from '../sessions.ts'

export const validate: PersonalHandler = ({ accessTokenTtl }) =>
  json({ active: true, claims: {}, expires_in: accessTokenTtl })

export const readMe: PersonalHandler = (_world, _call, { account }) => json(account.user)

export const updateMe: PersonalHandler = (world, { body }, { account }) => {
  account.user = { ...account.user, ...body, updated_at: new Date(world.now()).toISOString() }
  return json(account.user)
}

export const deleteMe: PersonalHandler = (world, { body, cookie }, { account, session }) => {
  if (body.password !== account.password) return problem(world, 403, 'invalid_password')
  endSessionsOf(world, account.user.id, 'deleted')
  const { deletionDelay } = world
  if (deletionDelay === 0) world.accounts.delete(account.user.email)
  const due = new Date(world.now() + deletionDelay * 1000).toISOString()
  const planned = { status: 'deletion_planned', deletion_due_at: due }
  return withoutCookie(world, deletionDelay > 0 ? json(planned, 202) : nothing(), cookie, session.id)
}

export const changePassword: PersonalHandler = async (world, { body, cookie }, { account, session }) => {
  const weak = refusedPassword(world, body.new_password, account.user, '/new_password')
  if (weak) return weak
  if (body.current_password !== account.password) return problem(world, 403, 'invalid_password')
  account.password = String(body.new_password)
  for (const each of sessionsOf(world, account.user.id)) {
    if (each !== session && body.end_other_sessions !== false) endSession(world, each, 'password_changed')
  }
  return delivered(world, await issueTokens(world, session), cookie !== null && sessionIn(cookie) === session.id)
}

export const changeEmail: PersonalHandler = (world, { body }, { account }) => {
  if (body.password !== account.password) return problem(world, 403, 'invalid_password')
  if (accountAt(world, body.new_email) === account) {
    return invalid(world, [{ pointer: '/new_email', code: 'same', detail: 'This is your address already.' }])
  }
  sendMail(world, 'change_email', account, String(body.new_email).toLowerCase())
  return json({ status: 'mail_sent' }, 202)
}

export const exportMe: PersonalHandler = (world, _call, { account, session }) => {
  const [user, exported_at] = [account.user, new Date(world.now()).toISOString()]
  const sessions = sessionsOf(world, user.id).map((each) => sessionView(each, each === session))
  const unknown = { mail: [], links: [], wrong_passwords: null, audit: [], next_cursor: null }
  return json({ exported_at, user, sessions, ...unknown })
}
