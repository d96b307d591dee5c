/**
 * How a search reads names: without case, accents and compatibility forms, so that "emile" finds "Émile". Both what is
 * kept and what is looked for pass through here.
 */
function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .toLowerCase()
}

const longest = 64
const mostOfName = 16
const mostOfSearch = 4

/** Every place in a name at which a search may begin: its words, and what follows a hyphen, an apostrophe or the like. */
export function wordsOfName(name: string | null): string[] {
  if (name === null) return []
  const words = new Set<string>()
  for (const [word] of fold(name).matchAll(/\S+/g)) {
    words.add(cut(word))
    for (const { index } of word.matchAll(/(?<=[^\p{L}\p{N}])[\p{L}\p{N}]/gu)) words.add(cut(word.slice(index)))
  }
  return [...words].slice(0, mostOfName)
}

/** What a search asks for: words that must all be found. */
export function wordsOfSearch(text: string): string[] {
  const words = fold(text).match(/\S+/g) ?? []
  return [...new Set(words.map(cut))].slice(0, mostOfSearch)
}

function cut(word: string): string {
  return [...word].slice(0, longest).join('')
}
