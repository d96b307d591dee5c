import { isService } from '../admit.ts'
import { json, problem } from '../answers.ts'
import type { Handler } from '../call.ts'

export const readRevocations: Handler = (world, call) => {
  const { revocations } = world
  if (!isService(call)) return problem(world, 'invalid_client')
  const since = Number(call.query.get('since') ?? 0)
  return json({ cursor: String(revocations.length), items: revocations.slice(since), more: false })
}

/** There is none: verifiers go on by asking. */
export const streamRevocations: Handler = (world, call) =>
  isService(call) ? problem(world, 'overloaded', { retry_after: 5 }) : problem(world, 'invalid_client')
