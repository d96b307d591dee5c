import type { ErrorCode } from '../../errors.ts'

/**
 * Every limit, in one place; the tables of `docs/throttling.md` are compared with it.
 */

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/**
 * Wrong passwords in a row, of one account or of one device that it knows. After the free ones each next guess waits,
 * twice as long each time; after the most of them only a new password by mail, or an administrator, helps. Strangers have
 * their share and all known devices of an account together have theirs: a hundred in all (NIST SP 800-63B-4 §3.2.2).
 */
export const guessing = {
  free: 5,
  firstWait: 30 * second,
  longestWait: hour,
  most: 80,
  mostOfDevices: 20,
  /** For how long failures are remembered after the last one: while they cost no wait yet, and later. */
  remembersFew: 7 * day,
  remembersMany: 30 * day,
} as const

/** So many at once, then one in each span; a bucket that leaks. */
export type Rate = { burst: number; every: number }

type Policy = {
  /** Wrong passwords count, for the account or the known device. */
  guesses?: true
  /** For the user who calls, the client id that is tried. */
  subject?: Rate
  /** For the caller's network. */
  network?: Rate
  /** Only calls that end in one of these count; absent: every call does. */
  failures?: readonly ErrorCode[]
}

/** What is limited; a flow names one of these to `throttled`. */
export const policies = {
  login: {
    guesses: true,
    network: { burst: 100, every: 15 * second },
    failures: ['invalid_credentials'],
  },
  /** The current password, asked for once more in a session. */
  current_password: { guesses: true, failures: ['invalid_password'] },
  register: { network: { burst: 50, every: 10 * second } },
  /** Not by the address: whoever asks again and again must not keep its owner from asking (`flows/forgot-password.ts`). */
  forgot_password: { network: { burst: 30, every: 20 * second } },
  resend_verification: { network: { burst: 30, every: 20 * second } },
  /** Each call may write to an address of the caller's choice. The subject is the user. */
  change_email: { subject: { burst: 10, every: 6 * minute }, network: { burst: 50, every: 10 * second } },
  /** Mailed tokens have 256 bits, and a right one always passes; this only saves work. */
  one_time_token: { network: { burst: 50, every: 5 * second }, failures: ['invalid_one_time_token'] },
  /** Secrets of services have 256 bits, and a right one always passes. The subject is a client id as seen from a network. */
  service: {
    subject: { burst: 20, every: 5 * second },
    network: { burst: 300, every: second },
    failures: ['invalid_client'],
  },
} as const satisfies Record<string, Policy>

export type PolicyName = keyof typeof policies

export function policyOf(name: PolicyName): Policy {
  return policies[name]
}

/** What a provider gives to one customer holds many networks of the least size: those share so many times as much. */
export const widerTimes = 4

export function wider({ burst, every }: Rate): Rate {
  return { burst: burst * widerTimes, every: every / widerTimes }
}

/** Who can be held back: names in answers, metrics and the audit log. */
export type Limiter = 'account' | 'device' | 'subject' | 'network'
