import fastJson from 'fast-json-stringify'

/**
 * Writes an answer by its schema: what the schema does not name cannot leave the server. Compiled at first use, so that
 * a start does not wait for it.
 */
export function serializerOf(schema: object): (body: unknown) => string {
  let stringify: ((body: unknown) => string) | undefined
  return (body) => {
    stringify ??= fastJson(JSON.parse(JSON.stringify(schema)))
    return stringify(body)
  }
}
