import type { User } from '../../contract.ts'
import {
  accountAt,
  accountOf,
  addAccount,
  allAccounts,
  changeUser,
  isLastAdmin,
  removeAccount,
  revokeTokensOf,
} from '../accounts.ts'
import { invalid, json, nothing, page, problem, refusedPassword } from '../answers.ts'
import type { AdminHandler, Caller } from '../call.ts'
import { readCursor, writeCursor } from '../cursor.ts'
import { forgetGuesses, lockOf } from '../guesses.ts'
import { isId, wrongCursor } from '../input.ts'
import { forgetLinks, makeLink } from '../links.ts'
import { matcher } from '../search.ts'
import { endSessionsOf } from '../sessions.ts'
import { type Account, type Link, timeText, type World } from '../world.ts'

/** The first letter of a cursor says which order it belongs to. */
const orders: Record<string, string> = { created_at: 'a', '-created_at': 'd', email: 'e' }

export const listUsers: AdminHandler = (world, { query }, caller) => {
  const order = query.get('sort') ?? '-created_at'
  const letter = orders[order]!
  const placeOf = ({ user }: Account) => (order === 'email' ? user.email : user.id)
  const isPlace = (text: string) => text[0] === letter && (order === 'email' || isId(text.slice(1)))
  const cursor = query.get('cursor')
  const place = cursor === null ? null : readCursor(cursor, isPlace)?.slice(1)
  if (place === undefined) return invalid(world, wrongCursor)

  const descending = order === '-created_at' ? -1 : 1
  const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0) * descending
  const found = allAccounts(world)
    .filter(({ user }) => isWanted(user, query))
    .sort((one, other) => compare(placeOf(one), placeOf(other)))
    .filter((each) => place === null || compare(placeOf(each), place) > 0)
  const limit = Number(query.get('limit') ?? 50)
  const items = found.slice(0, limit + 1).map((each) => viewOf(world, each, caller))
  return page(items, limit, ({ id, email }) => writeCursor(letter + (order === 'email' ? email : id)))
}

function isWanted(user: User, query: URLSearchParams): boolean {
  const [status, role, after, before] = ['status', 'role', 'created_after', 'created_before'].map((name) =>
    query.get(name),
  )
  const made = Date.parse(user.created_at)
  return (
    (status == null || user.status === status) &&
    (role == null || user.roles.includes(role)) &&
    (after == null || made >= Date.parse(after)) &&
    (before == null || made < Date.parse(before)) &&
    matcher(query.get('q') ?? '')(user)
  )
}

/** A service sees of a user what the user sees itself. */
function viewOf(world: World, account: Account, caller: Caller | null) {
  if (!caller) return account.user
  const time = (at: number | null) => (at === null ? null : timeText(at))
  const lock = lockOf(world, account)
  const locked = lock && { ...lock, until: time(lock.until) }
  return { ...account.user, deletion_due_at: time(account.deletionDueAt), locked }
}

/** For routes about one user. */
const ofUser = (
  handle: (world: World, account: Account, body: Record<string, unknown>, caller: Caller | null) => Response,
) =>
  ((world, { params, body }, caller) => {
    const account = accountOf(world, params.id!)
    return account ? handle(world, account, body, caller) : problem(world, 'not_found')
  }) satisfies AdminHandler

export const readUser: AdminHandler = ofUser((world, account, _body, caller) => json(viewOf(world, account, caller)))

export const createUser: AdminHandler = (world, { body }) => {
  const { email, password = null, name = null, ...others } = body as Parameters<typeof addAccount>[1]
  const weak = password !== null && refusedPassword(world, password, { email, name }, '/password')
  if (weak) return weak
  if (accountAt(world, email)) return problem(world, 'email_taken')
  const account = addAccount(world, { email, password, name, ...others })
  const link = password === null ? makeLink(world, 'invitation', account, world.mail) : null
  return json({ ...account.user, invitation: link && !link.mailed ? linkView(world, link) : null }, 201)
}

export const updateUser: AdminHandler = ofUser((world, account, body, caller) => {
  const { user } = account
  const email = body.email === undefined ? user.email : String(body.email).toLowerCase()
  const movesAway = email !== user.email
  // Nobody has shown yet that a new address is the user's.
  const wanted: Partial<User> = { ...(movesAway && { email_verified: false }), ...body, email }
  const change = Object.entries(wanted).filter(([name, value]) => !isSame(user[name as keyof User], value))
  if (change.length === 0) return json(viewOf(world, account, caller))
  const other = accountAt(world, email)
  const keepsAdmin = (wanted.roles ?? user.roles).includes('admin')
  if (!keepsAdmin && isLastAdmin(world, account)) return problem(world, 'last_admin')
  if (other && other !== account) return problem(world, 'email_taken')
  changeUser(world, account, Object.fromEntries(change))
  if (movesAway) forgetLinks(world, user.id)
  if (change.some(([name]) => name === 'roles')) revokeTokensOf(world, account)
  return json(viewOf(world, account, caller))
})

/** Roles have no order. */
function isSame(one: unknown, other: unknown): boolean {
  const text = (value: unknown) => JSON.stringify(Array.isArray(value) ? value.toSorted() : value)
  return text(one) === text(other)
}

export const deleteUser: AdminHandler = ofUser((world, account) => {
  if (isLastAdmin(world, account)) return problem(world, 'last_admin')
  removeAccount(world, account)
  return nothing()
})

export const disableUser: AdminHandler = ofUser((world, account) => {
  if (account.user.status === 'disabled') return nothing()
  if (isLastAdmin(world, account)) return problem(world, 'last_admin')
  changeUser(world, account, { status: 'disabled' })
  // They would open the account again, once it is enabled.
  forgetLinks(world, account.user.id)
  endSessionsOf(world, account.user.id, 'disabled')
  return nothing()
})

export const enableUser: AdminHandler = ofUser((world, account) => {
  if (account.user.status !== 'disabled') return nothing()
  changeUser(world, account, { status: account.password === null ? 'pending' : 'active' })
  return nothing()
})

export const unlockUser: AdminHandler = ofUser((world, account) => {
  forgetGuesses(world, account)
  return nothing()
})

export const logoutUser: AdminHandler = ofUser((world, { user }) => {
  forgetLinks(world, user.id, ['change_email'])
  endSessionsOf(world, user.id, 'admin')
  return nothing()
})

/** The link is mailed, or stands in the answer where there is no mail. */
export const startPasswordReset: AdminHandler = ofUser((world, account) => {
  if (account.user.status === 'disabled') {
    return problem(world, 'account_disabled', { detail: 'Enable the account first.' })
  }
  const purpose = account.password === null ? 'invitation' : 'reset_password'
  const link = makeLink(world, purpose, account, world.mail)
  return link.mailed ? json({ status: 'mailed' }, 202) : json(linkView(world, link))
})

function linkView({ issuer }: World, { token, expiresAt }: Link) {
  return { token, link: `${issuer}/reset-password?token=${token}`, expires_at: timeText(expiresAt) }
}
