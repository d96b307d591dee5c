/**
 * What was found right, by token, so that it is not looked at twice. Bounded: what was used least lately makes room.
 * Two generations, so that a hit costs no writing: what is not used while one fills is gone with the next.
 */
export type Verified<Entry> = {
  get(token: string): Entry | undefined
  set(token: string, entry: Entry): void
  delete(token: string): void
}

export function verifiedTokens<Entry>(capacity = 10_000): Verified<Entry> {
  type Kept = { token: string; entry: Entry }
  let young = new Map<string, Kept>()
  let old = new Map<string, Kept>()
  const keep = (ending: string, kept: Kept) => {
    if (young.size >= capacity / 2) {
      old = young
      young = new Map()
    }
    young.set(ending, kept)
  }
  return {
    get(token) {
      const ending = endingOf(token)
      const recent = young.get(ending)
      if (recent?.token === token) return recent.entry
      const kept = old.get(ending)
      if (kept?.token !== token) return undefined
      old.delete(ending)
      keep(ending, kept)
      return kept.entry
    },
    set: (token, entry) => keep(endingOf(token), { token, entry }),
    delete(token) {
      const ending = endingOf(token)
      young.delete(ending)
      old.delete(ending)
    },
  }
}

/**
 * A part of the signature, which no two good tokens share: to hash a whole token costs more than everything else that is
 * asked of one that is known. The whole text is compared afterwards.
 */
function endingOf(token: string): string {
  return token.slice(-32)
}
