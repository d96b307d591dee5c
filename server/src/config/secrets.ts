import { inspect } from 'node:util'

export const masked = '[secret]'

/**
 * A frozen object whose secrets are there for who asks by name, and nowhere else: not in JSON, logs, `util.inspect`
 * or copies by spread.
 */
export function withSecrets<P extends object, S extends object>(open: P, secrets: S): Readonly<P & S> {
  const held = { ...open }
  const shown = { ...open, ...Object.fromEntries(Object.keys(secrets).map((name) => [name, masked])) }
  for (const name of Object.keys(secrets)) {
    // A getter, because `showHidden` would print a plain value.
    Object.defineProperty(held, name, { enumerable: false, get: () => secrets[name as keyof S] })
  }
  Object.defineProperty(held, 'toJSON', { enumerable: false, value: () => shown })
  Object.defineProperty(held, inspect.custom, { enumerable: false, value: () => shown })
  return Object.freeze(held) as Readonly<P & S>
}
