import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'
import { protocolMistakes, refuse, type SamplerName, samplerMistakes } from './variables.ts'

type Environment = Record<string, string | undefined>

const samplers: Record<SamplerName, (ratio: number) => Sampler> = {
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
  refuse(samplerMistakes(environment))
  return samplers[name as SamplerName](ratio)
}

/** @throws Error with a sentence for the operator: sent in another way, nothing would arrive and nobody would know why */
export function checkProtocol(environment: Environment): void {
  refuse(protocolMistakes(environment))
}
