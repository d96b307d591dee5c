import { fromRfc3339 } from '../clock.ts'
import type { UserOrder } from '../domain/users/list.ts'
import { isId } from '../random.ts'
import { refusedQuery } from './pages.ts'

// The first letter says which order the place belongs to.
const letters: Record<UserOrder, string> = { created_at: 'a', '-created_at': 'd', email: 'e' }

export function writeUserCursor(order: UserOrder, place: string | null): string | null {
  return place === null ? null : Buffer.from(letters[order] + place).toString('base64url')
}

/** @throws AppError `validation_failed` for what is no cursor of this order */
export function readUserCursor(order: UserOrder, cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined
  const text = Buffer.from(cursor, 'base64url').toString()
  const place = text.slice(1)
  const isPlace = order === 'email' ? /^[!-~]{3,254}$/.test(place) : isId(place)
  const isCanonical = Buffer.from(text).toString('base64url') === cursor
  if (isCanonical && text[0] === letters[order] && isPlace) return place
  throw refusedQuery('cursor', 'Send "next_cursor" of the page before, as it was, with the same sort.')
}

/** @returns milliseconds since 1970 @throws AppError `validation_failed` for what is no time */
export function readTime(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const time = fromRfc3339(text)
  if (time !== null) return time
  throw refusedQuery(name, 'Send a time as in 2026-11-23T10:00:00Z (RFC 3339; in a URL a "+" is written %2B).')
}
