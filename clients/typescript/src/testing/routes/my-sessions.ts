import { invalid, json, nothing, problem } from '../answers.ts'
import type { PersonalHandler } from '../call.ts'
import { endSession, sessionsOf, sessionView } from '../sessions.ts'

export const listMySessions: PersonalHandler = (world, { query }, { account, session }) => {
  const [from, limit] = [Number(query.get('cursor') ?? 0), Number(query.get('limit') ?? 50)]
  const bad = (name: string) => [{ pointer: `/query/${name}`, code: 'format', detail: 'This is not acceptable.' }]
  if (!(limit >= 1 && limit <= 200)) return invalid(world, bad('limit'))
  if (!Number.isSafeInteger(from)) return invalid(world, bad('cursor'))
  const newest = sessionsOf(world, account.user.id).toReversed()
  const items = newest.slice(from, from + limit).map((each) => sessionView(each, each === session))
  return json({ items, next_cursor: from + limit < newest.length ? String(from + limit) : null })
}

export const endMySession: PersonalHandler = (world, { params }, { account, session }) => {
  const { id } = params
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id!)) {
    return invalid(world, [
      { pointer: '/params/id', code: 'pattern', detail: 'Send an id as this server hands it out.' },
    ])
  }
  const other = sessionsOf(world, account.user.id).find((each) => each.id === id)
  if (!other) return problem(world, 404, 'not_found')
  endSession(world, other, other === session ? 'logout' : 'logout_others')
  return nothing()
}
