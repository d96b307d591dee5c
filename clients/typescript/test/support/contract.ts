import { readFileSync } from 'node:fs'
import { Ajv, type ValidateFunction } from 'ajv'

type Schema = { [keyword: string]: unknown }
type Answer = { 'x-codes'?: string[]; content?: Record<string, { schema: Schema }> }
type Operation = { responses: Record<string, Answer> }

const file = new URL('../../../../contract/openapi.json', import.meta.url)
export const contract: { paths: Record<string, Record<string, Operation>>; components: Schema } = JSON.parse(
  readFileSync(file, 'utf8'),
)

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const ajv = new Ajv({ strict: false, validateSchema: false, formats: { 'date-time': time } })
ajv.addSchema({ $id: 'contract', components: closed(contract.components) })
type Said = { code?: string; retry_after?: number }
const validators = new Map<Answer, ValidateFunction<Said>>()

/**
 * A `fetch` that holds every answer to the contract: status, kind of content, shape and code.
 * @param called gets the name of each operation that was answered, as `GET /v1/users/me`
 */
export function heldToContract(fetching: typeof fetch, called: Set<string> = new Set()): typeof fetch {
  return async (input, init) => {
    const { method, url } = new Request(input, init)
    const answer = await fetching(input, init)
    const { pathname } = new URL(url)
    const path = Object.keys(contract.paths).find((each) => shapeOf(each).test(pathname))
    const operation = path && contract.paths[path]![method.toLowerCase()]
    if (operation) called.add(`${method} ${path}`)
    const flaw = await flawOf(answer.clone(), operation)
    // Not thrown: a client would take it for a network that is gone.
    if (flaw) flaws.push(`${method} ${pathname} answers ${answer.status}: ${flaw}`)
    return answer
  }
}

/** What was found since it was last asked. */
export function flawsFound(): string[] {
  return flaws.splice(0)
}
const flaws: string[] = []

async function flawOf(answer: Response, operation: Operation | undefined | ''): Promise<string | null> {
  const { status } = answer
  const unknown: Answer = {
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  }
  const declared = operation ? operation.responses[status] : status === 404 || status === 405 ? unknown : undefined
  if (!declared) return 'the contract has no such answer'
  const text = await answer.text()
  const [entry] = Object.entries(declared.content ?? {})
  if (!entry) return text === '' ? null : `there should be no body: ${text}`
  const [type, { schema }] = entry
  if (answer.headers.get('content-type')?.split(';')[0] !== type) return `the content should be ${type}`
  const validate = validators.get(declared) ?? ajv.compile<Said>(closed(schema))
  validators.set(declared, validate)
  const body: unknown = JSON.parse(text)
  if (!validate(body)) return `${ajv.errorsText(validate.errors)} in ${text}`
  const codes = declared['x-codes']
  if (codes && !codes.includes(String(body.code))) return `the code ${body.code} is none of ${codes.join(', ')}`
  const { retry_after: after } = body
  if ((status === 429 || status === 503) && answer.headers.get('retry-after') !== String(after)) {
    return `Retry-After is ${answer.headers.get('retry-after')}, and the body says ${after}`
  }
  return null
}

function shapeOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`)
}

/** What the contract does not name the server does not send. */
function closed(schema: unknown): Schema {
  return JSON.parse(JSON.stringify(schema), (_name, value) => {
    if (value?.$ref) return { $ref: value.$ref.replace('#', 'contract#') }
    return value?.type === 'object' && value.properties ? { additionalProperties: false, ...value } : value
  })
}
