import type { App } from '../app.ts'
import { AppError } from '../errors.ts'

/** Has this node been unable to read what others revoke for longer than it may? */
export function isBlind(app: App): boolean {
  return app.feed.age() > app.config.revocationMaxAge
}

/** @throws AppError `unavailable` when the node cannot say what was revoked lately */
export function refuseWhenBlind(app: App): void {
  if (isBlind(app)) throw lostSight()
}

/** What a blind node answers to what it cannot know. */
export function lostSight(): AppError {
  const detail =
    'This node has lost sight of revocations: it cannot reach the database. Ask again, or ask another node.'
  return new AppError('unavailable', { retryAfter: 1, detail })
}
