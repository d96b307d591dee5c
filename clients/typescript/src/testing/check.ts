import type { Check } from '../check.ts'
import { misconfigured } from '../options.ts'

export function isNumber(least: number, whole = false): Check {
  const kind = whole ? 'a whole number' : 'a number'
  const must = least === Number.NEGATIVE_INFINITY ? `be ${kind}` : `be ${kind} from ${least} on`
  return [(value) => (whole ? Number.isSafeInteger(value) : Number.isFinite(value)) && (value as number) >= least, must]
}

/**
 * A test that misspells something must not pass for another reason.
 * @param what whose members these are, as its user writes it
 * @throws ConfigurationError
 */
export function check(what: string, given: unknown, rules: Record<string, Check>, needed: string[] = []): void {
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
