type Environment = Record<string, string | undefined>

export const samplerNames = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const
export type SamplerName = (typeof samplerNames)[number]

export type Mistake = { name: string; problem: string; remedy: string }

/** What is wrong with the variables of OpenTelemetry that count here; loads nothing of its libraries. */
export function mistakesIn(environment: Environment): Mistake[] {
  return [...samplerMistakes(environment), ...protocolMistakes(environment)]
}

export function samplerMistakes(environment: Environment): Mistake[] {
  const { OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: share } = environment
  const mistakes: Mistake[] = []
  if (name && !(samplerNames as readonly string[]).includes(name)) {
    const remedy = `use one of ${samplerNames.join(', ')}.`
    mistakes.push({ name: 'OTEL_TRACES_SAMPLER', problem: `"${name}" is not a sampler`, remedy })
  }
  const ratio = Number(share || '1')
  if (!(ratio >= 0 && ratio <= 1)) {
    const remedy = 'use a share from 0 to 1, for example 0.05.'
    mistakes.push({ name: 'OTEL_TRACES_SAMPLER_ARG', problem: `"${share}" is no share`, remedy })
  }
  return mistakes
}

/** Sent in another way, nothing would arrive and nobody would know why. */
export function protocolMistakes(environment: Environment): Mistake[] {
  return ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'].flatMap((name) => {
    const protocol = environment[name]
    if (!protocol || protocol === 'http/protobuf') return []
    const remedy = 'use http/protobuf, on port 4318 of most collectors.'
    return [{ name, problem: `"${protocol}" is not spoken here`, remedy }]
  })
}

/** @throws Error with a sentence for the operator */
export function refuse([mistake]: Mistake[]): void {
  if (mistake) throw new Error(`${mistake.name}: ${mistake.problem}; ${mistake.remedy}`)
}
