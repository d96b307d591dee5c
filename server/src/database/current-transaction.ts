import { AsyncLocalStorage } from 'node:async_hooks'

/** The transaction that the running code is part of; `ended` because timers started inside inherit it and outlive it. */
export type TransactionMark = { ended: boolean }

const current = new AsyncLocalStorage<TransactionMark>()

export function insideTransaction(): boolean {
  return current.getStore()?.ended === false
}

export function markTransaction<T>(mark: TransactionMark, work: () => T): T {
  return current.run(mark, work)
}

/** Carries the running code's mark into another asynchronous context. */
export function carryMark(): <T>(work: () => T) => T {
  const mark = current.getStore()
  return (work) => (mark ? current.run(mark, work) : work())
}
