import type { Device } from './start.ts'

/**
 * Has the user never logged in from a program like this? Who has had no session at all has no device to compare with.
 * @param known those of its sessions, alive or ended, as long as they are kept
 */
export function isNewDevice(known: { user_agent: string | null }[], { userAgent }: Device): boolean {
  return known.length > 0 && !known.some((each) => each.user_agent === userAgent)
}
