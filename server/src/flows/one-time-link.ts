import type { App } from '../app.ts'
import type { OneTimeToken, Purpose } from '../domain/links/create.ts'

export type OneTimeLink = OneTimeToken & { link: string }

/** The page that finishes what a link is for: one of the app's, or of the same name one of ours. */
const pages: Record<Purpose, string> = {
  invitation: 'reset-password',
  password_reset: 'reset-password',
  email_verification: 'verify-email',
  email_change: 'confirm-email',
}

/**
 * To the app, the token travels behind the "#": that part of an address is sent to no server and stands in no log. Our
 * own pages do without scripts and could not read it there.
 */
export function linkOf(app: App, purpose: Purpose, { token, expiresAt }: OneTimeToken): OneTimeLink {
  const { appUrl, publicUrl } = app.config
  const page = pages[purpose]
  const link = appUrl === null ? `${publicUrl}/${page}?token=${token}` : `${appUrl}/${page}#token=${token}`
  return { token, expiresAt, link }
}

/** The token of a link that `linkOf` has made, with whatever settings; empty for another text. */
export function tokenIn(link: string): string {
  return /[?#]token=([\w-]+)$/.exec(link)?.[1] ?? ''
}
