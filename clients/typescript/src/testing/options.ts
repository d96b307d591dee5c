import { type Check, isFlag, isFunction, isText } from '../check.ts'
import { misconfigured } from '../options.ts'
import type { NewUser } from './accounts.ts'
import { check, isNumber } from './check.ts'
import type { MockServerOptions } from './world.ts'

const isClock: Check = [
  (value) => isFunction[0](Object(value).wall) && isFunction[0](Object(value).monotonic),
  'be a clock: virtualClock(), or what has wall(), monotonic() and sleep()',
]
const isOrigin: Check = [
  (value) => typeof value === 'string' && URL.canParse(value) && new URL(value).pathname === '/',
  'be a URL without a path: https://auth.example.com',
]
const isWords: Check = [
  (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
  'be a list of texts',
]

/** @throws ConfigurationError */
export function checkOptions(options: MockServerOptions): void {
  check('mockAuthServer', options, {
    clock: isClock,
    issuer: isOrigin,
    accessTokenTtl: isNumber(1, true),
    skewMs: isNumber(Number.NEGATIVE_INFINITY),
    deletionDelay: isNumber(0),
    mail: isFlag,
    rateLimits: isFlag,
  } satisfies Record<keyof MockServerOptions, Check>)
}

/** @throws ConfigurationError */
export function checkUser(input: NewUser): void {
  const rules: Record<keyof NewUser, Check> = {
    email: isText,
    password: isText,
    roles: isWords,
    name: isText,
    locale: isText,
  }
  check('addUser', input, rules, ['email', 'password'])
}

/** @throws ConfigurationError */
export function checkSelection(of: { sessionId?: string; userId?: string }): void {
  check('endSessions', of, { sessionId: isText, userId: isText })
  if (!of.sessionId && !of.userId) throw misconfigured('endSessions takes the id of a session or of a user.')
}
