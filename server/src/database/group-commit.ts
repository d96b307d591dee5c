import { AsyncLocalStorage } from 'node:async_hooks'
import { CompiledQuery } from 'kysely'
import type { Database, Tx } from './connect.ts'
import { carryMark, insideTransaction } from './current-transaction.ts'
import { inTransaction, repeating } from './transaction.ts'

type Work<T> = (tx: Tx) => Promise<T>

/**
 * Runs a piece of work in a transaction and answers once it is committed. Like the work of `inTransaction` it may be
 * run again, and must touch nothing but the database.
 * @param shape `oneStatement` promises that the work is a single statement, which a database server commits by itself and
 *   an embedded one undoes by itself
 */
export type GroupCommit = <T>(work: Work<T>, shape?: { oneStatement: boolean }) => Promise<T>

type Waiting = {
  work: Work<unknown>
  oneStatement: boolean
  enter: <T>(run: () => T) => T
  resolve(value: unknown): void
  reject(error: unknown): void
}

type Outcome = { value: unknown } | { error: unknown }

/** So many share a commit at most, so that readers get their turn. */
const largestGroup = 256

const savepoint = CompiledQuery.raw('savepoint work')
const release = CompiledQuery.raw('release work')
const undo = CompiledQuery.raw('rollback to work')

/**
 * Lets pieces of work that come at the same time share one durable commit, where one connection serves all: there, a
 * commit each is what bounds the throughput. A piece that fails is undone alone.
 */
export function groupCommit(database: Database): GroupCommit {
  if (!database.dialect.groupsCommits) {
    return (work, shape) =>
      shape?.oneStatement && !insideTransaction()
        ? repeating(database, (progress) => {
            // It may have been committed when the connection broke.
            progress.committing = true
            return work(database.db as Tx)
          })
        : inTransaction(database, work)
  }

  const waiting: Waiting[] = []
  let scheduled = false

  async function flush(): Promise<void> {
    const group = waiting.splice(0, largestGroup)
    try {
      const outcomes = await runGroup(database, group)
      for (const [index, outcome] of outcomes.entries()) {
        if ('value' in outcome) group[index]!.resolve(outcome.value)
        else group[index]!.reject(outcome.error)
      }
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
    // Not at once: what the answered callers do next, and other requests, come in between.
    if (waiting.length > 0) schedule()
    else scheduled = false
  }

  function schedule(): void {
    scheduled = true
    outside(() => setImmediate(flush))
  }

  return <T>(work: Work<T>, { oneStatement = false } = {}): Promise<T> => {
    if (insideTransaction()) throw new Error('A transaction must not be started inside another one.')
    return database.around(
      () =>
        new Promise<T>((resolve, reject) => {
          const enter = AsyncLocalStorage.snapshot()
          waiting.push({ work, oneStatement, enter, resolve: resolve as Waiting['resolve'], reject })
          if (!scheduled) schedule()
        }),
    )
  }
}

// A group belongs to none of its callers, whose contexts (request ids, say) must not leak into the others' work.
const outside = AsyncLocalStorage.snapshot()

/** Savepoints cost as much as the statements between them: without them first, where nothing is left half done. */
async function runGroup(database: Database, group: Waiting[]): Promise<Outcome[]> {
  const undoing = () => inTransaction(database, (tx) => runEachAlone(tx, group))
  if (group.length > 1 && !group.every(({ oneStatement }) => oneStatement)) return undoing()
  const together = inTransaction(database, (tx) => runEach(tx, group))
  // Which one failed, and whether the database undid the others with it, is found out by doing it all again.
  return group.length > 1 ? together.catch(undoing) : together
}

async function runEach(tx: Tx, group: Waiting[]): Promise<Outcome[]> {
  const marked = carryMark()
  const outcomes: Outcome[] = []
  for (const { work, enter } of group) outcomes.push({ value: await enter(() => marked(() => work(tx))) })
  return outcomes
}

async function runEachAlone(tx: Tx, group: Waiting[]): Promise<Outcome[]> {
  const marked = carryMark()
  const outcomes: Outcome[] = []
  for (const { work, enter } of group) {
    await tx.executeQuery(savepoint)
    try {
      outcomes.push({ value: await enter(() => marked(() => work(tx))) })
    } catch (error) {
      // A full disk may have undone the whole transaction, and with it the savepoint.
      await tx.executeQuery(undo).catch(() => {
        throw error
      })
      outcomes.push({ error })
    }
    await tx.executeQuery(release)
  }
  return outcomes
}
