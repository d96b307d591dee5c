/** One thing that is wrong with the configuration. */
export type ConfigProblem = {
  /** The setting as the operator finds it, e.g. `NTT_AUTH_PORT`. */
  name: string
  /** `environment`, `file <path>`, `flag` or `default`. */
  source: string
  problem: string
  remedy: string
}

/** Everything that is wrong with the configuration, at once; the message is fit for a terminal. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super(describe(problems))
    this.problems = problems
  }
}

function describe(problems: readonly ConfigProblem[]): string {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
  const blocks = problems.map(
    ({ name, source, problem, remedy }) => `\n  ${name} (${source})\n    ${problem}\n    ${remedy}`,
  )
  return `The configuration has ${count}.\n${blocks.join('\n')}`
}
