import type { App } from '../app.ts'
import { type CounterName, counters, type Entry, gauges, type HistogramName, histograms } from '../metrics/table.ts'
import { gaugeReadings, keptCounts } from './gauges.ts'

type Value = { labels: Record<string, string | number>; value: number; metricName?: string }

/**
 * What Prometheus reads, in its text format. The library is loaded when somebody asks for the first time, and starts to
 * watch the process then.
 */
export function metricsPage(app: App): () => Promise<{ type: string; text: string }> {
  let page: Promise<{ contentType: string; metrics(): Promise<string> }> | undefined
  return async () => {
    page ??= createRegistry(app)
    const registry = await page
    return { type: registry.contentType, text: await registry.metrics() }
  }
}

async function createRegistry(app: App) {
  const { Registry, collectDefaultMetrics } = (await import('prom-client')).default
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const metric of registry.getMetricsAsArray()) {
    if (metric.name.startsWith('nodejs_eventloop_lag')) withoutEmptyReadings(metric as never)
  }
  const add = (name: string, help: string, type: string, read: () => Value[] | Promise<Value[]>) => {
    const get = async () => ({ name, help, type, values: await read(), aggregator: 'sum' })
    // The registry asks nothing else of a metric, and this way nothing is counted twice.
    registry.registerMetric({ name, get, reset() {} } as never)
  }
  const kept = keptCounts(app)
  for (const [key, { help }] of Object.entries(counters)) {
    const name = key as CounterName
    add(name, help, 'counter', kept[name] ?? (() => withZero(counters[name], [...app.meter.counted(name)])))
  }
  for (const [name, { help }] of Object.entries(histograms)) {
    add(name, help, 'histogram', () => spread(app, name as HistogramName))
  }
  const readings = gaugeReadings(app)
  for (const [name, { help }] of Object.entries(gauges)) {
    add(name, help, 'gauge', readings[name as keyof typeof gauges])
  }
  return registry
}

type Readable = { get(): Promise<{ values: Value[] }> }

/** What is read before the event loop was watched for a turn comes as 0, as no number or as the largest there is. */
function withoutEmptyReadings(metric: Readable): void {
  const get = metric.get.bind(metric)
  metric.get = async () => {
    const reading = await get()
    return { ...reading, values: reading.values.filter(({ value }) => value > 0 && value < 1e9) }
  }
}

/** A counter without labels is there before anything happened, so that its first increase shows. */
function withZero(entry: Entry, cells: Value[]): Value[] {
  return cells.length === 0 && entry.labels === undefined ? [{ labels: {}, value: 0 }] : cells
}

function spread(app: App, name: HistogramName): Value[] {
  const { buckets } = histograms[name] as { buckets: readonly number[] }
  return [...app.meter.observed(name)].flatMap(({ labels, counts, sum, count }) => {
    let below = 0
    const steps = buckets.map((le, index) => {
      below += counts[index]!
      return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below }
    })
    return [
      ...steps,
      { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ]
  })
}
