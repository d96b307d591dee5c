import type { RevocationRow } from '../../database/schema.ts'

type Revoked = Pick<RevocationRow, 'kind' | 'subject' | 'before_at' | 'until_at'>
type Subject = { sid: string; sub: string; jti: string; iat: number; roles_id?: string }

/**
 * The revocations that still matter, in memory on every node, so that checking a token needs no database. An entry
 * leaves by itself once no token it could hit is alive.
 */
export type LiveSet = {
  /** @returns those that were news */
  add<Row extends Revoked>(rows: Iterable<Row>): Row[]
  /** How many were news so far: who knows this number before reading a row knows what the row may not know. */
  learned(): number
  /**
   * Up to when tokens of this user are dead, as far as that was known when so many had been learned; milliseconds since
   * 1970, or 0.
   */
  userBefore(userId: string, learned: number): number
  /** Are tokens revoked that speak of these roles as they were given? */
  hasRoles(rolesId: string): boolean
  /** Is a token with these claims, signed by that key, revoked? */
  has(claims: Subject, kid: string): boolean
  size(): number
  /** Forgets what has lapsed. @param now milliseconds since 1970 */
  sweep(now: number): void
}

type Entry = { before: number; until: number; learned: number }

export function liveSet(): LiveSet {
  const kinds: Record<RevocationRow['kind'], Map<string, Entry>> = {
    session: new Map(),
    user: new Map(),
    roles: new Map(),
    token: new Map(),
    key: new Map(),
  }
  // `iat` counts whole seconds: a token of the very second of the revocation is dead too; one minted later in that
  // second is refreshed by its client a moment afterwards, which is the safe side.
  const hits = (entry: Entry | undefined, issued: number) => entry !== undefined && issued * 1000 <= entry.before

  let learned = 0

  return {
    add(rows) {
      const news = []
      for (const row of rows) {
        const known = kinds[row.kind].get(row.subject)
        if (known && known.before >= row.before_at && known.until >= row.until_at) continue
        news.push(row)
        kinds[row.kind].set(row.subject, {
          before: Math.max(known?.before ?? 0, row.before_at),
          until: Math.max(known?.until ?? 0, row.until_at),
          learned: ++learned,
        })
      }
      return news
    },
    learned: () => learned,
    userBefore(userId, asOf) {
      const entry = kinds.user.get(userId)
      return entry && entry.learned <= asOf ? entry.before : 0
    },
    hasRoles: (rolesId) => kinds.roles.has(rolesId),
    has({ sid, sub, jti, iat, roles_id = sub }, kid) {
      // All others never come back: only for a user does the time of issue matter.
      const isOver = kinds.session.has(sid) || kinds.roles.has(roles_id) || kinds.token.has(jti) || kinds.key.has(kid)
      return isOver || hits(kinds.user.get(sub), iat)
    },
    size: () => Object.values(kinds).reduce((sum, map) => sum + map.size, 0),
    sweep(now) {
      for (const map of Object.values(kinds)) {
        for (const [subject, entry] of map) if (entry.until <= now) map.delete(subject)
      }
    },
  }
}
