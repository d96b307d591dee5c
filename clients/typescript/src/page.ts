import type { Keeper } from './session/keep.ts'

/**
 * Ties a keeper to a page: looks again when the page comes back or the network does, and refreshes by a timer while the
 * page is seen and somebody listens. Outside of pages only the timer is left, which keeps no process alive.
 * @returns undoes it
 */
export function watchPage(keeper: Keeper, autoRefresh: boolean): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const page = typeof document === 'undefined' ? null : document
  const plan = () => {
    clearTimeout(timer)
    if (!autoRefresh || !keeper.listening() || page?.visibilityState === 'hidden') return
    const state = keeper.state()
    if (state.status !== 'active' && state.status !== 'refresh_failed') return
    const at = state.status === 'active' ? state.held.dueAt : state.retryAt
    const due = () => {
      keeper.wake()
      // A timer may fire a little early, and nothing happened then.
      plan()
    }
    timer = setTimeout(due, Math.min(Math.max(at - keeper.ticks(), 0), 2 ** 31 - 1))
    ;(timer as { unref?: () => void }).unref?.()
  }
  const wake = () => {
    if (page?.visibilityState === 'hidden') return plan()
    void keeper.look().then(() => {
      if (autoRefresh || keeper.state().status === 'refresh_failed') keeper.wake()
      plan()
    })
  }
  const forget = keeper.plan(plan)
  const events: [EventTarget | null, string][] = [
    [page, 'visibilitychange'],
    [page ? window : null, 'pageshow'],
    [page ? window : null, 'online'],
  ]
  for (const [target, name] of events) target?.addEventListener(name, wake)
  return () => {
    clearTimeout(timer)
    forget()
    for (const [target, name] of events) target?.removeEventListener(name, wake)
  }
}
