import { invalid, page } from '../answers.ts'
import { readCursor, writeCursor } from '../cursor.ts'
import { wrongCursor } from '../input.ts'
import { sessionsOf, sessionView } from '../sessions.ts'
import type { MockSession, World } from '../world.ts'

/** Newest first, those that ended among them. @param current the caller's own */
export function sessionPage(
  world: World,
  userId: string,
  query: URLSearchParams,
  current: MockSession | undefined,
): Response {
  const limit = Number(query.get('limit') ?? 50)
  const cursor = query.get('cursor')
  const before = cursor === null ? '~' : readCursor(cursor)
  if (before === null) return invalid(world, wrongCursor)
  const rows = sessionsOf(world, userId).filter(({ id }) => id < before)
  const newest = rows.sort((one, other) => (one.id < other.id ? 1 : -1)).slice(0, limit + 1)
  const items = newest.map((each) => sessionView(each, each === current))
  return page(items, limit, ({ id }) => writeCursor(id))
}
