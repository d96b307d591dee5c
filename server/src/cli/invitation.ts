import { toRfc3339 } from '../clock.ts'
import type { OneTimeLink } from '../flows/one-time-link.ts'

/** What to hand to the person who was invited, in words. */
export function invitationText({ link, expiresAt }: OneTimeLink): string {
  const until = `good once, until ${toRfc3339(expiresAt)}`
  return `Give this link to its owner (${until}):\n${link}`
}
