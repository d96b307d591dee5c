import { isInCalendar } from '../clock.ts'

const units: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** How a time is written on the command line, for people. */
export const timeForms = '2026-11-23, 2026-11-23T10:00:00Z, or 2h or 7d for so long ago'

/** @returns milliseconds since 1970; null for what is no time */
export function readTime(text: string): number | null {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  if (count !== undefined) return Date.now() - Number(count) * units[unit!]!
  const time = /^\d{4}-\d{2}-\d{2}(T\S+(Z|[+-]\d{2}:\d{2}))?$/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(time) || !isInCalendar(text) ? null : time
}
