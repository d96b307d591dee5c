import type { App } from '../app.ts'
import { listRevocations } from '../domain/revocations/store.ts'
import { reapplyEnds } from '../flows/reapply-ends.ts'

const interval = 1000
// Rows are stamped by the clock of the node that wrote them and appear when its transaction commits: each poll looks
// back far enough for both, and adding a row twice does nothing.
const lookBack = 60_000

/** Keeps this node's live set in step with what other nodes revoke. The first reading is done when this returns. */
export async function followRevocations(app: App): Promise<() => void> {
  let newest = 0
  let lost = false
  const read = async () => {
    const now = app.clock.now()
    const rows = await listRevocations(app.database.db, Math.max(0, newest - lookBack), now)
    for (const row of rows) newest = Math.max(newest, Math.min(row.revoked_at, now))
    app.revocations.add(rows)
    app.revocations.sweep(now)
  }
  const poll = async () => {
    try {
      await read()
      // Out of reach for a while: perhaps another server answers now, and it may lag behind.
      if (lost) await reapplyEnds(app)
      lost = false
    } catch (error) {
      if (!lost) app.log.error({ err: error, event: 'revocations_unreadable' })
      lost = true
    }
    if (!stopped) timer = setTimeout(poll, interval).unref()
  }
  let stopped = false
  await read()
  let timer = setTimeout(poll, interval).unref()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
