import type { App } from '../app.ts'
import { lives, type OneTimeToken, type Purpose } from '../domain/links/create.ts'
import { readOneTimeToken } from '../domain/links/redeem.ts'

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

const purposes = Object.keys(lives) as Purpose[]

/** Whether whoever opens the link gets what it is for: it was neither used nor replaced, and its time is not over. */
export async function isAlive(app: App, link: string): Promise<boolean> {
  return (await readOneTimeToken(app.database.db, tokenIn(link), purposes, app.clock.now())) !== undefined
}

/** The token of a link that `linkOf` has made, with whatever settings; empty for another text. */
function tokenIn(link: string): string {
  return /[?#]token=([\w-]+)$/.exec(link)?.[1] ?? ''
}
