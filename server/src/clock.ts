/** The time of day, replaceable in tests. Milliseconds since 1970-01-01 UTC. */
export type Clock = { now(): number }

export const systemClock: Clock = { now: () => Date.now() }

/** RFC 3339 in UTC with milliseconds, the only form in which times leave the server. */
export function toRfc3339(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
