import type { App } from '../app.ts'
import { AppError } from '../errors.ts'

/**
 * Has this node been unable to read what others revoke for longer than it may? Or is its clock so far off that it would
 * take for lapsed what is not?
 */
export function isBlind(app: App): boolean {
  return app.time.isFarOff() || app.feed.age() > app.config.revocationMaxAge
}

/** @throws AppError `unavailable` when the node cannot say what was revoked lately */
export function refuseWhenBlind(app: App): void {
  if (isBlind(app)) throw lostSight(app)
}

/** What a blind node answers to what it cannot know. */
export function lostSight({ time }: App): AppError {
  const reason = time.isFarOff() ? 'its clock is too far off' : 'it cannot reach the database'
  const detail = `This node has lost sight of revocations: ${reason}. Ask again, or ask another node.`
  return new AppError('unavailable', { retryAfter: 1, detail })
}
