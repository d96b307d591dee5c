import { describe, expect, it } from '@jest/globals'
import { errorOfProblem } from '../src/errors/errors.ts'
import { backoff, isTransient, readRetryAfter } from '../src/http/retry.ts'
import { AuthError, RateLimitedError, ServerError, SessionEndedError, ValidationError } from '../src/index.ts'
import { code, world } from './support/setup.ts'

describe('waiting', () => {
  it.each([
    ['7', 7],
    ['0', 0],
    ['1.5', 1.5],
    ['Tue, 24 Nov 2026 10:00:30 GMT', 30],
    ['Tue, 24 Nov 2026 09:00:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
  ])('reads Retry-After %p by the clock of the server', (value, seconds) => {
    const headers = new Headers({ 'retry-after': value, date: 'Tue, 24 Nov 2026 10:00:00 GMT' })
    expect(readRetryAfter(headers)).toBe(seconds)
  })

  it('reads a date without a Date header by its own clock', () => {
    const headers = new Headers({ 'retry-after': new Date(Date.now() + 60_000).toUTCString() })
    expect(readRetryAfter(headers)).toBeGreaterThan(50)
  })

  it('grows, is random, and has an end', () => {
    const waits = Array.from({ length: 1000 }, (_each, index) => backoff((index % 50) + 1, 250, 4000))
    expect(Math.max(...waits)).toBeLessThanOrEqual(4000)
    expect(Math.max(...waits.filter((_each, index) => index % 50 === 0))).toBeLessThanOrEqual(250)
    expect(new Set(waits).size).toBe(1000)
  })

  it('is for what passes', () => {
    expect([408, 425, 429, 500, 502, 503, 504, 520, 530].every(isTransient)).toBe(true)
    expect([400, 401, 403, 404, 409, 422, 501, 531].some(isTransient)).toBe(false)
  })
})

describe('errors', () => {
  const problem = (more: object) =>
    ({ code: 'x', title: 'Title', detail: 'Detail.', retryable: false, ...more }) as never

  it.each([
    [429, 'rate_limited', RateLimitedError],
    [503, 'overloaded', ServerError],
    [422, 'password_too_common', ValidationError],
    [401, 'session_ended', SessionEndedError],
    [418, 'of_a_newer_server', AuthError],
  ])('of status %d and code %s have a class of their own, and the code', (status, name, Class) => {
    const error = errorOfProblem(problem({ code: name, end_reason: 'admin', request_id: 'r' }), status, 3)
    expect(error).toBeInstanceOf(Class)
    expect(error).toMatchObject({
      code: name,
      status,
      retryAfter: 3,
      requestId: 'r',
      endReason: 'admin',
      message: 'Detail.',
    })
    expect(AuthError.is(error)).toBe(true)
    expect(JSON.stringify(error)).toContain(name)
  })

  it('are known from another copy of the package, and nothing else is', () => {
    expect([null, 'text', new Error('x'), {}].some(AuthError.is)).toBe(false)
    expect(AuthError.is({ '~ntt-auth-client': true })).toBe(true)
  })

  it.each([
    ['ECONNREFUSED', 2],
    ['ECONNRESET', 1],
  ])('of a login that met %s lead to %d tries', async (cause, tries) => {
    let count = 0
    const { connect } = world()
    const client = connect({
      fetch: async () => {
        count++
        throw new TypeError('fetch failed', { cause: { code: cause } })
      },
    })
    expect(await code(client.login({ email: 'a@b.c', password: 'x' }))).toBe('network_unreachable')
    expect(count).toBe(tries)
  })

  it('tell a timeout from an abort', async () => {
    const { connect } = world()
    const hang: typeof fetch = (_input, init) =>
      new Promise((_resolve, reject) => init!.signal!.addEventListener('abort', () => reject(init!.signal!.reason)))
    const client = connect({ fetch: hang })
    const input = { email: 'a@b.c', password: 'x' }
    expect(await code(client.login(input, { timeoutMs: 20 }))).toBe('timeout')
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 20)
    expect(await code(client.login(input, { signal: controller.signal }))).toBe('aborted')
  })
})
