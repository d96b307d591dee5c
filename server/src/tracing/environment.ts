import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'

type Environment = Record<string, string | undefined>

const samplers: Record<string, (ratio: number) => Sampler> = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (ratio) => new TraceIdRatioBasedSampler(ratio),
  parentbased_always_on: () => new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  parentbased_always_off: () => new ParentBasedSampler({ root: new AlwaysOffSampler() }),
  parentbased_traceidratio: (ratio) => new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
}

/**
 * Which requests are traced, as `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` say.
 * @throws Error with a sentence for the operator
 */
export function samplerFromEnvironment(environment: Environment): Sampler {
  const name = environment.OTEL_TRACES_SAMPLER || 'parentbased_always_on'
  const ratio = Number(environment.OTEL_TRACES_SAMPLER_ARG || '1')
  if (!Object.hasOwn(samplers, name)) {
    throw new Error(`OTEL_TRACES_SAMPLER: "${name}" is not a sampler; use one of ${Object.keys(samplers).join(', ')}.`)
  }
  if (!(ratio >= 0 && ratio <= 1)) {
    throw new Error('OTEL_TRACES_SAMPLER_ARG: use a share from 0 to 1, for example 0.05.')
  }
  return samplers[name]!(ratio)
}

/** @throws Error with a sentence for the operator: sent in another way, nothing would arrive and nobody would know why */
export function checkProtocol(environment: Environment): void {
  for (const name of ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL']) {
    const protocol = environment[name]
    if (!protocol || protocol === 'http/protobuf') continue
    throw new Error(`${name}: "${protocol}" is not spoken here; use http/protobuf, on port 4318 of most collectors.`)
  }
}
