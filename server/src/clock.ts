/** The time of day, replaceable in tests. Milliseconds since 1970-01-01 UTC. */
export type Clock = { now(): number }

/** A node may be this far off the database's clock, in milliseconds; further off it serves no longer. */
export const mostSkew = 60 * 60 * 1000

export const systemClock: Clock = { now: () => Date.now() }

/** RFC 3339 in UTC with milliseconds, the only form in which times leave the server. */
export function toRfc3339(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

const timeShape = /^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

/** @returns milliseconds since 1970, or null for what is no RFC 3339 time from 1970 on */
export function fromRfc3339(text: string): number | null {
  const time = Date.parse(text)
  return timeShape.test(text) && isInCalendar(text) && Number.isFinite(time) && time >= 0 ? time : null
}

/**
 * Whether there is such a day; `Date.parse` takes the 30th of February for the 2nd of March.
 * @param text begins like 2026-11-23
 */
export function isInCalendar(text: string): boolean {
  const day = text.slice(0, 10)
  const time = Date.parse(`${day}T00:00:00Z`)
  return Number.isFinite(time) && toRfc3339(time).startsWith(day)
}
