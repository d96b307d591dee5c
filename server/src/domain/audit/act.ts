/** Who acts, from where, in which request. */
export type Act = {
  actor: Actor
  /** Null where no network is involved: the command line, the clock. */
  ip: string | null
  requestId: string | null
}

export type Actor = { kind: 'anyone' | 'user' | 'service' | 'operator' | 'system'; id: string | null }
