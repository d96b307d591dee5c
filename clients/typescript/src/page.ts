import type { Keeper } from './session/keep.ts'

export type PageWatch = {
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
  let events: (readonly [EventTarget, string])[] = []
  const page = globalThis.document
  const plan = () => {
    clearTimeout(timer)
    const state = keeper.state()
    if (!autoRefresh || keeper.listeners.size === 0 || page?.visibilityState === 'hidden') return
    if (state.status !== 'active' && state.status !== 'refresh_failed') return
    const at = state.status === 'active' ? state.held.dueAt : state.retryAt
    const due = () => {
      keeper.wake()
      // A timer may fire a little early, and nothing happened then.
      plan()
    }
    timer = setTimeout(due, Math.min(at - keeper.ticks(), 2 ** 31 - 1))
    ;(timer as { unref?: () => void }).unref?.()
  }
  const wake = () => {
    if (page.visibilityState === 'hidden') return plan()
    void keeper.look().then(() => {
      if (autoRefresh || keeper.state().status === 'refresh_failed') keeper.wake()
      plan()
    })
  }
  return {
    plan,
    start() {
      if (page)
        events = [
          [page, 'visibilitychange'],
          [window, 'pageshow'],
          [window, 'online'],
        ]
      for (const [target, name] of events) target.addEventListener(name, wake)
    },
    stop() {
      clearTimeout(timer)
      for (const [target, name] of events) target.removeEventListener(name, wake)
    },
  }
}
