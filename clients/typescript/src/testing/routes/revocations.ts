import { json, problem } from '../answers.ts'
import type { Call, Handler } from '../call.ts'
import type { World } from '../world.ts'

export const readRevocations: Handler = (world, call) => {
  const { revocations } = world
  if (!isService(call)) return noService(world)
  const since = Number(call.query.get('since') ?? 0)
  return json({ cursor: String(revocations.length), items: revocations.slice(since), more: false })
}

/** There is none: verifiers go on by asking. */
export const streamRevocations: Handler = (world, call) =>
  isService(call) ? problem(world, 503, 'overloaded', {}, { 'retry-after': '5' }) : noService(world)

/** Any credential will do. */
function isService({ headers }: Call): boolean {
  return headers.get('authorization')?.startsWith('Basic ') ?? false
}

function noService(world: World): Response {
  return problem(world, 401, 'invalid_client')
}
