import type { Keeper } from './session/keep.ts'

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
    page?.[what]('visibilitychange', wake)
    if (page) for (const name of ['pageshow', 'online']) window[what](name, wake)
  }
  const plan = () => {
    clearTimeout(timer)
    const state = keeper.state()
    if (!autoRefresh || !keeper.listeners.size || isHidden()) return
    const at = state.status === 'active' ? state.held.dueAt : state.status === 'refresh_failed' && state.retryAt
    if (at === false) return
    const due = () => {
      keeper.wake()
      // A timer may fire a little early, and nothing happened then.
      plan()
    }
    timer = setTimeout(due, Math.min(at - keeper.ticks(), 2e9))
    ;(timer as { unref?: () => void }).unref?.()
  }
  const wake = async () => {
    if (!isHidden()) {
      await keeper.look()
      if (autoRefresh || keeper.state().status === 'refresh_failed') keeper.wake()
    }
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
