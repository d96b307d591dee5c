import type { Act } from '../domain/audit/act.ts'

export type { Act }

/** Who sits at the machine itself. */
export const operatorAct: Act = { actor: { kind: 'operator', id: null }, ip: null, requestId: null }

/** What the server does by itself. */
export const systemAct: Act = { actor: { kind: 'system', id: null }, ip: null, requestId: null }

/** The same act, once it has shown itself to be that of a user. */
export function actingAs(act: Act, userId: string): Act {
  return { ...act, actor: { kind: 'user', id: userId } }
}
