import { accountAt, changeUser, isLastAdmin, removeAccount, setPassword } from '../accounts.ts'
import { delivered, invalid, json, nothing, problem, refusedPassword, withoutCookie } from '../answers.ts'
import type { PersonalHandler } from '../call.ts'
import { guessesAt, guessing } from '../guesses.ts'
import { forgetLinks, mailLink } from '../links.ts'
import { endSession, endSessionsOf, issueTokens, sessionIn, sessionsOf, sessionView } from '../sessions.ts'
import { timeText } from '../world.ts'

export const validate: PersonalHandler = (world, _call, { claims }) =>
  json({ active: true, claims, expires_in: Math.floor(claims.exp - world.now() / 1000) })

export const readMe: PersonalHandler = (_world, _call, { account }) => json(account.user)

export const updateMe: PersonalHandler = (world, { body }, { account }) => {
  changeUser(world, account, body)
  return json(account.user)
}

/** Looks at the current password, which is asked for once more. */
const guarded =
  (look: PersonalHandler): PersonalHandler =>
  (world, call, caller) =>
    guessing(world, 'current_password', { device: caller.session }, () => look(world, call, caller))

export const deleteMe: PersonalHandler = guarded((world, { body, cookie }, { account, session }) => {
  if (body.password !== account.password) return problem(world, 'invalid_password')
  if (isLastAdmin(world, account)) return problem(world, 'last_admin')
  const { id } = account.user
  if (world.deletionDelay === 0) {
    removeAccount(world, account)
    return withoutCookie(world, nothing(), cookie, session.id)
  }
  endSessionsOf(world, id, 'deleted')
  forgetLinks(world, id, ['change_email'])
  account.deletionDueAt = world.now() + world.deletionDelay * 1000
  const planned = { status: 'deletion_planned', deletion_due_at: timeText(account.deletionDueAt) }
  return withoutCookie(world, json(planned, 202), cookie, session.id)
})

export const changePassword: PersonalHandler = guarded(async (world, { body, cookie }, { account, session }) => {
  const weak = refusedPassword(world, body.new_password, account.user, '/new_password')
  if (weak) return weak
  if (body.current_password !== account.password) return problem(world, 'invalid_password')
  setPassword(world, account, String(body.new_password))
  changeUser(world, account, {})
  forgetLinks(world, account.user.id, ['invitation', 'reset_password', 'change_email'])
  for (const each of sessionsOf(world, account.user.id)) {
    if (each !== session && body.end_other_sessions !== false) endSession(world, each, 'password_changed')
  }
  return delivered(world, await issueTokens(world, session), cookie !== null && sessionIn(cookie) === session.id)
})

export const changeEmail: PersonalHandler = guarded((world, { body }, { account }) => {
  if (accountAt(world, body.new_email) === account) {
    return invalid(world, [{ pointer: '/new_email', code: 'same', detail: 'This is your address already.' }])
  }
  if (body.password !== account.password) return problem(world, 'invalid_password')
  // Whether somebody else has it is told to nobody but its owner.
  if (!accountAt(world, body.new_email)) {
    mailLink(world, 'change_email', account, String(body.new_email).toLowerCase())
  }
  return json({ status: 'mail_sent' }, 202)
})

export const exportMe: PersonalHandler = (world, _call, { account, session }) => {
  const [user, exported_at] = [account.user, timeText(world.now())]
  const sessions = sessionsOf(world, user.id).map((each) => sessionView(each, each === session))
  const { failures, lastAt } = guessesAt(world, account)
  const wrong_passwords = failures > 0 ? { failures, last_at: timeText(lastAt) } : null
  const unknown = { mail: [], links: [], audit: [], next_cursor: null }
  return json({ exported_at, user, sessions, wrong_passwords, ...unknown })
}
