import type { Keeper } from './session/keep.ts'
import type { State } from './session/machine.ts'
import type { Everything } from './session/view.ts'

export type PageWatch = {
  /** Looks at the page from now on, and plans. */
  start(): void
  /** Something changed: sets the timer anew. */
  plan(): void
  stop(): void
}

/**
 * Ties a keeper to a page: looks again when the page comes back or the network does, and refreshes by a timer while the
 * page is seen and somebody listens. Outside of pages only the timer is left, which keeps no process alive.
 */
export function watchPage(keeper: Keeper, autoRefresh: boolean): PageWatch {
  let timer: ReturnType<typeof setTimeout> | undefined
  const page = globalThis.document
  const isHidden = () => page?.hidden
  const watched = (what: 'addEventListener' | 'removeEventListener') => {
    for (const name of page ? ['visibilitychange', 'pageshow', 'online'] : []) window[what](name, wake)
  }
  const plan = () => {
    clearTimeout(timer)
    const { status, held, retryAt } = keeper.state() as Partial<Everything> & Pick<State, 'status'>
    const at = status === 'active' ? held!.dueAt : retryAt
    if (!autoRefresh || !keeper.listeners.size || isHidden() || at === undefined) return
    // What was due a moment ago is due at once: Node.js warns of less than nothing.
    timer = setTimeout(wake, Math.max(0, Math.min(at - keeper.ticks(), 2e9)))
    ;(timer as { unref?: () => void }).unref?.()
  }
  const wake = async () => {
    if (!isHidden()) {
      await keeper.look()
      if (autoRefresh || keeper.state().status === 'refresh_failed') keeper.wake()
    }
    // A timer may fire a little early, and nothing happened then.
    plan()
  }
  return {
    plan,
    start() {
      watched('addEventListener')
      plan()
    },
    stop() {
      clearTimeout(timer)
      watched('removeEventListener')
    },
  }
}
