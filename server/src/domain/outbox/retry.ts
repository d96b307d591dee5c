const [first, longest] = [10_000, 60 * 60 * 1000]

/** So many tries a mail gets; with the pauses below they take about half a day. */
export const mostAttempts = 20

/**
 * When a mail that was not delivered is tried again: ten seconds later, then twice that, up to an hour, and each time a
 * little earlier or later, so that a mail server that comes back does not meet all of it at once.
 * @param attempts how many there were, from 1
 * @param random from 0 up to, not including, 1
 */
export function nextAttemptAt(attempts: number, now: number, random: number): number {
  const pause = Math.min(longest, first * 2 ** (attempts - 1))
  return now + Math.round(pause * (0.75 + random / 2))
}
