import type { App } from '../app.ts'
import { toRfc3339 } from '../clock.ts'
import type { OneTimeLink } from '../flows/one-time-link.ts'

/** What to hand to the person who was invited, in words. */
export function invitationText(app: App, { token, link, expiresAt }: OneTimeLink): string {
  const until = `good once, until ${toRfc3339(expiresAt)}`
  if (link !== null) return `Give this link to its owner (${until}):\n${link}`
  return `Give this token to its owner (${until}):
${token}
It goes with the new password to POST ${app.config.publicUrl}/v1/auth/reset-password:
  {"token": "…", "new_password": "…"}
With NTT_AUTH_APP_URL set this would be a link to a page of your app.`
}
