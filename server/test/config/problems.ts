import { fail } from 'node:assert/strict'
import { loadConfig } from '../../src/config/config.ts'
import { ConfigError, type ConfigProblem } from '../../src/config/config-error.ts'

/** What is wrong with a configuration. */
export function problemsOf(from: Partial<Parameters<typeof loadConfig>[0]>): readonly ConfigProblem[] {
  try {
    loadConfig({ env: {}, flags: {}, ...from })
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return fail('the configuration was accepted')
}

/** As text, one line for each problem. */
export function complaints(from: Parameters<typeof problemsOf>[0]): string[] {
  return problemsOf(from).map(({ name, source, problem, remedy }) => `${name} (${source}): ${problem} ${remedy}`)
}
