import assert from 'node:assert/strict'
import { catalogue, type ErrorCode } from '../../src/errors.ts'
import { type AnyRoute, errorsOf } from '../../src/http/route.ts'
import type { WireAnswer } from './wire.ts'

/** What every answer of the public listener keeps, whatever was asked. */
export const fixed = {
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
}

export function assertFixedHeaders(answer: Pick<WireAnswer, 'headers'>, what: string): void {
  for (const [name, value] of Object.entries(fixed)) assert.equal(answer.headers[name], value, `${name} of ${what}`)
  const policy = answer.headers['content-security-policy'] ?? ''
  assert.match(policy, /default-src 'none'/, `content policy of ${what}`)
  assert.match(policy, /frame-ancestors 'none'/, `content policy of ${what}`)
  assert.match(answer.headers['x-request-id'] ?? '', /^[A-Za-z0-9_-]{1,64}$/, `request id of ${what}`)
  assert.ok(answer.headers['cache-control'], `cache-control of ${what}`)
}

const members = ['type', 'title', 'status', 'code', 'detail', 'request_id', 'retryable', 'session_ended', 'end_reason']
const optional = ['errors', 'retry_after']
const ofOAuth = /^(invalid_client|invalid_request|unauthorized_client|server_error|temporarily_unavailable)$/

/** The answer is an error of the catalogue, whole, and one that the route declares. */
export function assertProblem(answer: WireAnswer, what: string, route?: AnyRoute | null): ErrorCode {
  assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8', `content type of ${what}`)
  assert.equal(answer.headers['cache-control'], 'no-store', `cache-control of ${what}`)
  assertFixedHeaders(answer, what)
  const problem = JSON.parse(answer.text)
  const code = problem.code as ErrorCode
  assert.ok(Object.hasOwn(catalogue, code), `${what} answered the unknown code ${code}`)
  assert.equal(answer.status, catalogue[code].status, `status of ${what}`)
  assert.equal(problem.status, answer.status, `status in the body of ${what}`)
  assert.ok(problem.type.endsWith(`/docs/errors/${code}`), `type of ${what}: ${problem.type}`)
  assert.equal(problem.request_id, answer.headers['x-request-id'], `request id of ${what}`)
  for (const name of members) assert.ok(name in problem, `${what} lacks ${name}`)
  // Which route answered is not known everywhere.
  const known = [...members, ...optional, ...(route && !route.oauth ? [] : ['error'])]
  for (const name of Object.keys(problem)) assert.ok(known.includes(name), `${what} has ${name}`)
  if (route?.oauth || 'error' in problem) assert.match(problem.error, ofOAuth, `error of ${what}`)
  assert.ok(problem.detail.length >= 8 && problem.detail.length < 4000, `detail of ${what}: ${problem.detail}`)
  if (route) assert.ok(errorsOf(route).includes(code), `${what} answered ${code}, which it does not declare`)
  return code
}
