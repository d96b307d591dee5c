import type { Db } from '../../database/connect.ts'
import { idAt } from '../../random.ts'
import {
  listIdsByRole,
  listIdsByStatus,
  listIdsByWord,
  listIdsMadeBetween,
  listUserRows,
  type UserOrder,
  type UserSelection,
  walkUsers,
} from './store.ts'
import { type User, userOf } from './user.ts'
import { wordsOfSearch } from './words.ts'

export type { UserOrder }

export type UserFilter = {
  /** Each word must be the beginning of the e-mail address or of a word of the name. */
  search?: string | undefined
  status?: User['status'] | undefined
  role?: string | undefined
  /** At or after; milliseconds since 1970. */
  createdAfter?: number | undefined
  /** Before. */
  createdBefore?: number | undefined
}

/** `next` is the place to go on from: the id, or for the order by e-mail the address, of the last user looked at. */
export type UserPage = { users: User[]; next: string | null }

export type ListBounds = {
  /** Where a condition leaves at most so many users, they are taken one by one. */
  few: number
  /** So many stretches of `few` users are walked for one page at most. */
  stretches: number
}

const usual: ListBounds = { few: 512, stretches: 4 }

/**
 * A page of users, as quick among a million as among a thousand, whatever is asked for. Where one condition alone leaves
 * few, these are taken and the rest is checked. Where each leaves many, the users are walked in the order asked for, a
 * bounded way for each page: such a page may hold fewer than it could, even none, though more follow.
 */
export async function listUsers(
  db: Db,
  filter: UserFilter,
  order: UserOrder,
  limit: number,
  after: string | undefined,
  { few, stretches }: ListBounds = usual,
): Promise<UserPage> {
  const selection: UserSelection = {
    words: wordsOfSearch(filter.search ?? ''),
    status: filter.status,
    role: filter.role,
    from: filter.createdAfter === undefined ? undefined : idAt(filter.createdAfter),
    before: filter.createdBefore === undefined ? undefined : idAt(filter.createdBefore),
  }
  const exact = isWalkExact(selection, order)
  const ids = exact ? undefined : await fewest(db, selection, order, few)
  if (ids) return pageOf(await listUserRows(db, ids, selection, order, limit + 1, after), order, limit)

  const rows: Awaited<ReturnType<typeof listUserRows>> = []
  let place = after
  for (let stretch = 1; stretch <= stretches; stretch++) {
    const length = exact ? limit + 1 : few
    const walked = await walkUsers(db, selection, order, length, place)
    const ids = walked.map(({ id }) => id)
    rows.push(...(await listUserRows(db, ids, selection, order, limit + 1 - rows.length)))
    if (rows.length > limit || walked.length < length) return pageOf(rows, order, limit)
    place = walked.at(-1)!.place
  }
  return { users: rows.map(userOf), next: place! }
}

function pageOf(rows: Awaited<ReturnType<typeof listUserRows>>, order: UserOrder, limit: number): UserPage {
  const users = rows.slice(0, limit).map(userOf)
  const last = rows.length > limit ? users.at(-1) : undefined
  return { users, next: last ? (order === 'email' ? last.email : last.id) : null }
}

/** The walk meets nobody in vain. */
function isWalkExact({ words, status, role, from, before }: UserSelection, order: UserOrder): boolean {
  if (words.length > 0) return false
  if (order === 'email') return [status, role, from, before].every((condition) => condition === undefined)
  return status === undefined || role === undefined
}

/** The ids that the narrowest condition leaves, or undefined when each leaves many. */
async function fewest(db: Db, selection: UserSelection, order: UserOrder, few: number): Promise<string[] | undefined> {
  const { words, status, role, from, before } = selection
  const probes = words.map((word) => () => listIdsByWord(db, word, few + 1))
  if (role !== undefined) probes.push(() => listIdsByRole(db, role, few + 1))
  if (status !== undefined) probes.push(() => listIdsByStatus(db, status, few + 1))
  // In the order of creation these are bounds of the walk.
  if (order === 'email' && (from !== undefined || before !== undefined)) {
    probes.push(() => listIdsMadeBetween(db, from, before, few + 1))
  }
  let narrowest: string[] | undefined
  for (const probe of probes) {
    const ids = await probe()
    if (ids.length <= few && ids.length < (narrowest?.length ?? Number.POSITIVE_INFINITY)) narrowest = ids
  }
  return narrowest
}
