import { misconfigured } from '../options.ts'

/**
 * An id as a part of a path. `.` and `..` would name another path, and nothing the list above it.
 * @throws ConfigurationError
 */
export function segment(id: string): string {
  if (typeof id === 'string' && !/^\.{0,2}$/.test(id)) return encodeURIComponent(id)
  throw misconfigured(`${JSON.stringify(id)} is no id.`)
}
