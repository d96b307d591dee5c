import type { App } from '../app.ts'
import type { Follower } from '../domain/revocations/followers.ts'
import { listLivingSecrets } from '../domain/services/store.ts'
import { forgetServices, secretsToKnow } from '../flows/identify-service.ts'
import { isBlind } from '../flows/know-revocations.ts'

const interval = 1000
/** Who takes nothing for so long while something waits for it is not reading. */
const patience = 30_000
const idsPerQuery = 200

/**
 * Closes the streams of those who may no longer follow, who do not read, and of everybody when this node can no longer
 * say what was revoked: they then ask another. Also forgets services that may no longer call, so that a node which goes by
 * what it knows does not know them longer.
 */
export function watchFollowers(app: App): () => void {
  let stopped = false
  const watch = async () => {
    try {
      await check(app)
    } catch (error) {
      app.log.debug({ err: error, event: 'followers_unchecked' })
    }
    if (!stopped) timer = setTimeout(watch, interval).unref()
  }
  let timer = setTimeout(watch, interval).unref()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

async function check(app: App): Promise<void> {
  for (const follower of app.followers.all()) {
    if (isBlind(app)) follower.end('this node has lost sight of revocations')
    else if (isTooSlow(app, follower)) {
      app.log.warn({ event: 'follower_dropped', secret: follower.secretId }, 'it does not read what it is sent')
      follower.drop()
    }
  }
  if (isBlind(app)) return
  const present = app.followers.all()
  const remembered = secretsToKnow(app)
  const living = await livingSecrets(app, [...new Set([...present.map(({ secretId }) => secretId), ...remembered])])
  for (const follower of present) {
    const mayFollow = living.get(follower.secretId)?.includes('revocations:read')
    if (!mayFollow) follower.end('this credential may no longer follow')
  }
  forgetServices(app, remembered, living)
}

/** It does not read, or it has fallen behind by more than the rows that all share. */
function isTooSlow(app: App, follower: Follower): boolean {
  const stalled = follower.stalled()
  if (stalled > patience) return true
  return stalled > 0 && follower.isLive() && app.feed.behind(follower.position(), 1) === null
}

/** @returns the scopes of their services */
async function livingSecrets(app: App, secretIds: string[]): Promise<Map<string, string[]>> {
  const living = new Map<string, string[]>()
  for (let start = 0; start < secretIds.length; start += idsPerQuery) {
    const ids = secretIds.slice(start, start + idsPerQuery)
    for (const { id, scopes } of await listLivingSecrets(app.database.db, ids, app.clock.now())) {
      living.set(id, JSON.parse(scopes))
    }
  }
  return living
}
