import {
  type CounterName,
  counters,
  type Entry,
  type GaugeName,
  type Given,
  gauges,
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
  const counts = families(counters, (labels): Cell => ({ labels, value: 0 }))
  const levels = families(gauges, (labels): Cell => ({ labels, value: 0 }))
  const spreads = families(histograms, (labels, { buckets }): HistogramCell => {
    return { labels, counts: new Array(buckets.length).fill(0), sum: 0, count: 0 }
  })

  return {
    activeRequests: 0,
    count(name, labels, by = 1) {
      counts[name].cell(labels).value += by
    },
    set(name, labels, value) {
      levels[name].cell(labels).value = value
    },
    observe(name, labels, value) {
      const cell = spreads[name].cell(labels)
      cell.sum += value
      cell.count++
      const { buckets } = histograms[name] as { buckets: readonly number[] }
      for (let index = 0; index < buckets.length; index++) {
        if (value > buckets[index]!) continue
        cell.counts[index]!++
        break
      }
    },
    counted: (name) => counts[name].cells(),
    observed: (name) => spreads[name].cells(),
    found: (name) => levels[name].cells(),
  }
}

type Family<C> = { cell(labels: object): C; cells(): Iterable<C> }

/** The series of each metric, made when they are first met. */
function families<N extends string, E extends Entry, C>(
  table: Record<N, E>,
  make: (labels: Record<string, string>, entry: E) => C,
): Record<N, Family<C>> {
  const family = (entry: E): Family<C> => {
    const names = Object.keys(entry.labels ?? {})
    const cells = new Map<string, C>()
    const find = (given: Record<string, string>): C => {
      const known = cells.get(keyOf(names, given))
      if (known) return known
      const labels = closed(entry, given)
      const key = keyOf(names, labels)
      const cell = cells.get(key) ?? make(labels, entry)
      cells.set(key, cell)
      return cell
    }
    return { cell: (labels) => find(labels as Record<string, string>), cells: () => cells.values() }
  }
  const entries = Object.entries<E>(table).map(([name, entry]) => [name, family(entry)])
  return Object.fromEntries(entries) as Record<N, Family<C>>
}

function keyOf(names: string[], labels: Record<string, string>): string {
  let key = ''
  for (const name of names) key += `${labels[name]}\n`
  return key
}

/** The labels with every value that is not in its list replaced by the last one of the list. */
function closed(entry: Entry, given: Record<string, string>): Record<string, string> {
  const result: Record<string, string> = {}
  for (const [name, values] of Object.entries(entry.labels ?? {})) {
    const value = given[name] ?? ''
    // Routes come from our own table, never from a request.
    result[name] = values === 'routes' || values.includes(value) ? value : values.at(-1)!
  }
  return result
}
