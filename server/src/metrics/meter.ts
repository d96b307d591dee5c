import {
  type CounterName,
  counters,
  type Entry,
  type GaugeName,
  type Given,
  type gauges,
  type HistogramName,
  histograms,
} from './table.ts'

export type Cell = { labels: Record<string, string>; value: number }
export type HistogramCell = { labels: Record<string, string>; counts: number[]; sum: number; count: number }

/**
 * Counts what happens, in plain numbers: they are dressed up when somebody asks for them (`http/metrics-page.ts`), so
 * that counting costs next to nothing.
 */
export type Meter = {
  count<N extends CounterName>(name: N, labels: Given<(typeof counters)[N]>, by?: number): void
  observe<N extends HistogramName>(name: N, labels: Given<(typeof histograms)[N]>, value: number): void
  /** What was last found, for gauges that nobody can compute when asked. */
  set<N extends GaugeName>(name: N, labels: Given<(typeof gauges)[N]>, value: number): void
  /** Requests under way. */
  activeRequests: number
  counted(name: CounterName): Iterable<Cell>
  observed(name: HistogramName): Iterable<HistogramCell>
  found(name: GaugeName): Iterable<Cell>
}

export function createMeter(): Meter {
  const counts = new Map<string, Map<string, Cell>>()
  const levels = new Map<string, Map<string, Cell>>()
  const spreads = new Map<string, Map<string, HistogramCell>>()
  for (const name of Object.keys(counters)) counts.set(name, new Map())
  for (const name of Object.keys(histograms)) spreads.set(name, new Map())

  const cellOf = (cells: Map<string, Map<string, Cell>>, name: string, labels: Record<string, string>): Cell => {
    const family = cells.get(name) ?? new Map<string, Cell>()
    const key = keyOf(labels)
    const cell = family.get(key) ?? { labels: { ...labels }, value: 0 }
    cells.set(name, family.set(key, cell))
    return cell
  }

  return {
    activeRequests: 0,
    count(name, labels, by = 1) {
      cellOf(counts, name, closed(counters[name], labels)).value += by
    },
    set(name, labels, value) {
      cellOf(levels, name, labels as Record<string, string>).value = value
    },
    observe(name, labels, value) {
      const { buckets } = histograms[name] as { buckets: readonly number[] }
      const family = spreads.get(name)!
      const key = keyOf(labels as Record<string, string>)
      let cell = family.get(key)
      if (!cell) {
        const known = closed(histograms[name], labels)
        const knownKey = keyOf(known)
        cell = family.get(knownKey) ?? { labels: known, counts: new Array(buckets.length).fill(0), sum: 0, count: 0 }
        family.set(knownKey, cell)
      }
      cell.sum += value
      cell.count++
      for (let index = 0; index < buckets.length; index++) {
        if (value > buckets[index]!) continue
        cell.counts[index]!++
        break
      }
    },
    counted: (name) => counts.get(name)!.values(),
    observed: (name) => spreads.get(name)!.values(),
    found: (name) => levels.get(name)?.values() ?? [],
  }
}

function keyOf(labels: Record<string, string>): string {
  let key = ''
  for (const name in labels) key += `${labels[name]}\n`
  return key
}

/** The labels with every value that is not in its list replaced by the last one of the list. */
function closed(entry: Entry, labels: object): Record<string, string> {
  const given = labels as Record<string, string>
  const result: Record<string, string> = {}
  for (const [name, values] of Object.entries(entry.labels ?? {})) {
    const value = given[name] ?? ''
    // Routes come from our own table, never from a request.
    result[name] = values === 'routes' || values.includes(value) ? value : values.at(-1)!
  }
  return result
}
