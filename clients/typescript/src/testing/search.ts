import type { User } from '../contract.ts'

/** Without case, accents and compatibility forms. */
function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .toLowerCase()
}

/** @param q words, each of which must begin the address or one of the words of the name */
export function matcher(q: string): (user: User) => boolean {
  const wanted = (fold(q).match(/\S+/g) ?? []).slice(0, 4)
  return ({ email, name }) => wanted.every((word) => [email, ...wordsOf(name)].some((each) => each.startsWith(word)))
}

/** Every place in a name at which a search may begin, also behind a hyphen or the like. */
function wordsOf(name: string | null): string[] {
  const words = fold(name ?? '').match(/\S+/g) ?? []
  return words.flatMap((word) => {
    const inside = [...word.matchAll(/(?<=[^\p{L}\p{N}])[\p{L}\p{N}]/gu)]
    return [word, ...inside.map(({ index }) => word.slice(index))]
  })
}
