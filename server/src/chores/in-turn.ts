import type { App } from '../app.ts'
import { releaseLease, renewLease, takeLease } from '../database/lease.ts'
import { randomToken } from '../random.ts'

/** After this others may take over from a node that died, in milliseconds. */
export const turnLasts = 30_000

/** Throws when another node has taken over: whatever is being done must stop. */
export type StillMine = () => Promise<void>

/**
 * Does a chore unless another node is at it. `stillMine` is to be called before every write.
 * @returns whether it was this node's turn
 */
export async function inTurn(app: App, name: string, chore: (stillMine: StillMine) => Promise<void>): Promise<boolean> {
  const { database, clock } = app
  const skew = (await app.time.skew()) ?? 0
  const now = () => clock.now() + skew
  const lease = await takeLease(database, { name, owner: randomToken(9), now: now(), duration: turnLasts })
  if (!lease) return false
  let renewed = performance.now()
  try {
    await chore(async () => {
      if (performance.now() - renewed < turnLasts / 3) return
      renewed = performance.now()
      if (!(await renewLease(database, lease, now() + turnLasts))) throw new Error(`Lost the lease "${name}".`)
    })
  } finally {
    await releaseLease(database, lease)
  }
  return true
}
