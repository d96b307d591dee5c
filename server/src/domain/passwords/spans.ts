import type { Work } from './formats/format.ts'
import { readHash } from './formats/read.ts'
import type { HashFormatRow } from './store.ts'

/** What these hashes cost, for each kind the cheapest and the dearest; what cannot be read is left out. */
export function spansOf(hashes: string[]): HashFormatRow[] {
  const spans = new Map<Work['kind'], HashFormatRow>()
  for (const hash of hashes) {
    const recipe = readHash(hash)
    if (typeof recipe === 'string') continue
    const { kind, units } = recipe.work
    const { least, most } = spans.get(kind) ?? { least: units, most: units }
    spans.set(kind, { kind, least: Math.min(least, units), most: Math.max(most, units) })
  }
  return [...spans.values()]
}
