import type { Compilable, CompiledQuery } from 'kysely'
import type { Db, Tx } from './connect.ts'

/** A statement that is built once and run often: building costs more than running it. */
export type Statement<P, R> = (db: Db | Tx, parameters: P) => Promise<{ rows: R[]; numAffectedRows: number }>

/** Stands for a parameter's value while a statement is built. */
export type Parameter<P> = <K extends keyof P & string>(name: K) => P[K]

class Placeholder {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

type Prepared = { compiled: CompiledQuery; names: (string | undefined)[] }

/**
 * Compiles a statement at its first use with each kind of database.
 *
 * ```ts
 * const findSession = statement((db, p: Parameter<{ id: string }>) =>
 *   db.selectFrom('sessions').selectAll().where('id', '=', p('id')),
 * )
 * const { rows } = await findSession(tx, { id })
 * ```
 */
export function statement<P extends object, R = unknown>(
  build: (db: Db, p: Parameter<P>) => Compilable<R>,
): Statement<P, R> {
  // A database and its transactions share the adapter.
  const prepared = new WeakMap<object, Prepared>()
  return async (db, parameters) => {
    const { adapter } = db.getExecutor()
    let known = prepared.get(adapter)
    if (!known) {
      known = prepare(build(db, (name) => new Placeholder(name) as never).compile())
      prepared.set(adapter, known)
    }
    const { compiled, names } = known
    const values = names.map((name, index) =>
      name === undefined ? compiled.parameters[index] : parameters[name as keyof P],
    )
    const result = await db.executeQuery<R>({ ...compiled, parameters: values } as CompiledQuery<R>)
    return { rows: result.rows, numAffectedRows: Number(result.numAffectedRows ?? 0) }
  }
}

function prepare(compiled: CompiledQuery): Prepared {
  return {
    compiled,
    names: compiled.parameters.map((value) => (value instanceof Placeholder ? value.name : undefined)),
  }
}
