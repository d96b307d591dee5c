import type { Invocation } from './command.ts'
import { UsageError } from './usage-error.ts'

/** @throws UsageError for a word that the command does not know */
export function refuseArguments(name: string, [first]: Invocation['arguments']): void {
  if (first === undefined) return
  throw new UsageError(`"${name}" takes no argument "${first}". See "ntt-auth ${name} --help".`)
}
