import { misconfigured } from '../options.ts'

/** What a value must be, and how that is said. */
export type Rule = [right: (value: unknown) => boolean, must: string]

export const isText: Rule = [(value) => typeof value === 'string' && value !== '', 'be a text that is not empty']
export const isFlag: Rule = [(value) => typeof value === 'boolean', 'be true or false']
export const isFunction: Rule = [(value) => typeof value === 'function', 'be a function']

export function isNumber(least: number, whole = false): Rule {
  const kind = whole ? 'a whole number' : 'a number'
  const must = least === Number.NEGATIVE_INFINITY ? `be ${kind}` : `be ${kind} from ${least} on`
  return [(value) => (whole ? Number.isSafeInteger(value) : Number.isFinite(value)) && (value as number) >= least, must]
}

/**
 * A test that misspells something must not pass for another reason.
 * @param what whose members these are, as its user writes it
 * @throws ConfigurationError
 */
export function check(what: string, given: unknown, rules: Record<string, Rule>, needed: string[] = []): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw misconfigured(`${what} takes an object: { ${Object.keys(rules).join(', ')} }.`)
  }
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(rules, name))
  if (unknown !== undefined) {
    throw misconfigured(`${what} has no "${unknown}"; there are: ${Object.keys(rules).join(', ')}.`)
  }
  for (const [name, [right, must]] of Object.entries(rules)) {
    const value = (given as Record<string, unknown>)[name]
    // Undefined is the same as left out.
    if (value === undefined ? needed.includes(name) : !right(value)) {
      throw misconfigured(`"${name}" of ${what} must ${must}.`)
    }
  }
}
