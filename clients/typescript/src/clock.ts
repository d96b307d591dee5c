/** Where the client takes its time from. Tests pass a virtual one (`ntt-auth-client/testing`). */
export type Clock = {
  /** Milliseconds since 1970, as this machine believes. */
  wall(): number
  /** Milliseconds since some fixed moment; never goes back. */
  monotonic(): number
  /** Resolves after so many milliseconds. */
  sleep(ms: number): Promise<void>
}

export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}

/**
 * Starts counting the time that passed by either clock, whichever saw more: the monotonic one sees a wall clock that was
 * set back, the wall clock sees the hours that the machine slept.
 * @returns milliseconds since this call; never goes back
 */
export function startTicks(clock: Pick<Clock, 'wall' | 'monotonic'>): () => number {
  let [wall, monotonic, ticks] = [clock.wall(), clock.monotonic(), 0]
  return () => {
    const [nowWall, nowMonotonic] = [clock.wall(), clock.monotonic()]
    ticks += Math.max(nowWall - wall, nowMonotonic - monotonic, 0)
    wall = nowWall
    monotonic = nowMonotonic
    return ticks
  }
}
