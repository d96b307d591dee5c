import type { App } from '../app.ts'
import type { OneTimeToken } from '../domain/links/create.ts'

/** `link` leads to the app's own page, or is null where the app has not said where its pages are. */
export type OneTimeLink = OneTimeToken & { link: string | null }

/** The token travels behind the "#": that part of an address is sent to no server and stands in no log. */
export function linkOf(app: App, { token, expiresAt }: OneTimeToken): OneTimeLink {
  const { appUrl } = app.config
  return { token, expiresAt, link: appUrl === null ? null : `${appUrl}/reset-password#token=${token}` }
}
