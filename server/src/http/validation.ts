import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { AppError, type FieldError } from '../errors.ts'
import { measureTextsQuickly } from './text-lengths.ts'

const ajv = new Ajv({ allErrors: true, coerceTypes: false, useDefaults: true, strictSchema: false, verbose: true })
measureTextsQuickly(ajv)

const mostErrors = 20

/** What is said of input that the schema refuses. */
export type Refusal = 'validation_failed' | 'malformed_request'

/** Compiles a schema at its first use: a start does not wait for schemas that nobody has called yet. */
export function validatorOf(
  schema: object,
  part: 'body' | 'query' | 'params',
  refusal: Refusal = 'validation_failed',
): (data: unknown) => void {
  let validate: ValidateFunction | undefined
  return (data) => {
    validate ??= ajv.compile(schema)
    if (part !== 'body') readNumbersAndFlags(schema, data as Record<string, unknown>)
    if (validate(data)) return
    const found = withoutBranches(validate.errors ?? [])
    const errors = found.slice(0, mostErrors).map((error) => fieldError(error, part))
    throw new AppError(refusal, { detail: summary(errors), errors })
  }
}

/**
 * What stands in a URL is text; numbers and flags are read from it. Not by Ajv, which takes "0x10" and "1e309" for
 * integers, and checks no bounds of the latter.
 */
function readNumbersAndFlags(schema: object, data: Record<string, unknown>): void {
  const { properties = {} } = schema as { properties?: Record<string, { type?: string }> }
  for (const [name, { type }] of Object.entries(properties)) {
    const text = data[name]
    if (typeof text !== 'string') continue
    if (type === 'integer' && /^-?\d{1,15}$/.test(text)) data[name] = Number(text)
    if (type === 'boolean' && /^(true|false)$/.test(text)) data[name] = text === 'true'
  }
}

/** Of a choice that fits none of its branches only that is said, not why each does not fit. */
function withoutBranches(errors: ErrorObject[]): ErrorObject[] {
  const choices = errors.filter(({ keyword }) => keyword === 'anyOf').map(({ schemaPath }) => `${schemaPath}/`)
  return errors.filter(({ schemaPath }) => !choices.some((choice) => schemaPath.startsWith(choice)))
}

function summary(errors: FieldError[]): string {
  return errors.map((error) => `${error.pointer || 'The body'}: ${error.detail}`).join(' ')
}

function fieldError(error: ErrorObject, part: string): FieldError {
  const where = part === 'body' ? error.instancePath : `/${part}${error.instancePath}`
  const { keyword, params } = error
  if (keyword === 'required') {
    return { pointer: `${where}/${params.missingProperty}`, code: 'required', detail: 'This field is needed.' }
  }
  if (keyword === 'additionalProperties') {
    return {
      pointer: `${where}/${escapePointer(params.additionalProperty)}`,
      code: 'unknown_field',
      detail: 'There is no such field here; check its spelling.',
    }
  }
  // How a name that occurs more than once in a query is read.
  if (part === 'query' && Array.isArray(error.data)) {
    return { pointer: where, code: 'repeated', detail: 'It was sent more than once; send it once.' }
  }
  if (keyword === 'anyOf') {
    const branches = error.schema as { description?: string }[]
    const hint = error.parentSchema?.description ?? branches.find(({ description }) => description)?.description
    if (hint) return { pointer: where, code: keyword, detail: `Send ${hint}` }
  }
  const hint = error.parentSchema?.description ?? (error.schema as { description?: string } | undefined)?.description
  // A regular expression is no sentence; the description says what fits it.
  if (keyword === 'pattern' && hint) return { pointer: where, code: keyword, detail: `Send ${hint}` }
  return { pointer: where, code: keyword, detail: hint ? `It ${error.message}: ${hint}` : `It ${error.message}.` }
}

/** RFC 6901 §3; cut, because the name is the caller's. */
function escapePointer(name: string): string {
  return name.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1')
}
