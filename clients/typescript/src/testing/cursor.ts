import { isId } from './input.ts'

/** An opaque place to go on from. */
export function writeCursor(place: string): string {
  return btoa(place).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** @returns null for what is no place */
export function readCursor(cursor: string, isPlace: (text: string) => boolean = isId): string | null {
  try {
    const place = atob(cursor.replaceAll('-', '+').replaceAll('_', '/'))
    return writeCursor(place) === cursor && isPlace(place) ? place : null
  } catch {
    return null
  }
}
