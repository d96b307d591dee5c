import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '../app.ts'
import { deleteDueAccounts, deleteLapsedRegistrations } from '../flows/delete-due-accounts.ts'
import { byTheClock } from './by-the-clock.ts'
import { inTurn } from './in-turn.ts'

/** Deletes for good, by the clock, what its owners deleted before, and registrations that nobody has confirmed; of many nodes, one at a time. @returns how to stop */
export function deleteAccountsByTheClock(app: App): () => void {
  const { cleanupInterval } = app.config
  return byTheClock(app, {
    name: 'delete_accounts',
    interval: cleanupInterval,
    run: (stopped) => deleteAccounts(app, stopped),
  })
}

/** Between two accounts others get at least as long as one takes. */
export async function deleteAccounts(app: App, stopped: () => boolean = () => false): Promise<void> {
  await inTurn(app, 'delete-accounts', async (stillMine) => {
    let began: number | null = null
    const mayGoOn = async () => {
      if (began !== null) await delay(performance.now() - began)
      await stillMine()
      began = performance.now()
      return !stopped()
    }
    try {
      await deleteDueAccounts(app, mayGoOn)
    } finally {
      // What stands in the way of one kind does not keep the other.
      await deleteLapsedRegistrations(app, mayGoOn)
    }
  })
}
