/** Somebody who is told of revocations as they come, by a stream that stays open. */
export type Follower = {
  /** The service's secret by which it came in. */
  secretId: string
  /** It was told everything once, and now waits for news. */
  isLive(): boolean
  /** The place up to which it was told. */
  position(): number
  /** Milliseconds for which it has taken nothing of what waits for it; 0 when nothing waits. */
  stalled(): number
  /** Says why, and closes the stream in order. */
  end(why: string): void
  /** Closes it at once: it would not read why. */
  drop(): void
}

/** Everybody who follows the feed at this process. */
export type Followers = {
  /** @returns how to leave */
  join(follower: Follower): () => void
  all(): Follower[]
  isFull(): boolean
}

/** @param most so many are served at once */
export function followers(most: number): Followers {
  const present = new Set<Follower>()
  return {
    join(follower) {
      present.add(follower)
      return () => present.delete(follower)
    },
    all: () => [...present],
    isFull: () => present.size >= most,
  }
}
