import { Type } from 'typebox'
import { AppError } from '../errors.ts'
import { isId } from '../random.ts'

/** Lists come in pages by an opaque cursor: the last id of a page, so that the last page costs what the first does. */
export const PageQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 200, description: 'how many, 1 to 200; 50 if left out.' }),
    ),
    cursor: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: '"next_cursor" of the page before, as it was.' }),
    ),
  },
  { additionalProperties: false },
)

/** @param rows one more than the page holds, if there are more */
export function pageOf<T extends { id: string }>(rows: T[], limit: number): { items: T[]; next_cursor: string | null } {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items, next_cursor: rows.length > limit && last ? Buffer.from(last.id).toString('base64url') : null }
}

/** @throws AppError `validation_failed` for what is no cursor of ours */
export function readCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined
  const id = Buffer.from(cursor, 'base64url').toString()
  if (isId(id)) return id
  throw refusedQuery('cursor', 'Send "next_cursor" of the page before, as it was.')
}

export function refusedQuery(name: string, detail: string): AppError {
  return new AppError('validation_failed', { detail, errors: [{ pointer: `/query/${name}`, code: 'format', detail }] })
}
