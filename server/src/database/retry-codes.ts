import { codesOf, isBrokenSocket } from './dialect.ts'

/** The database errors after which a transaction is repeated, as the metrics name them; others are `other`. */
export const retryCodes = [
  '1205',
  '1213',
  '1180',
  '1047',
  '1290',
  '1792',
  '1836',
  '3101',
  '8002',
  '8005',
  '8022',
  '9007',
  '40001',
  '40P01',
  '55P03',
  '25006',
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'connection_lost',
] as const

/** How the metrics name an error after which a transaction is repeated. */
export function retryCodeOf(error: unknown): (typeof retryCodes)[number] | 'other' {
  const { code, errno } = codesOf(error)
  const name = isBrokenSocket(error) ? 'connection_lost' : (/^SQLITE_[A-Z]+/.exec(code)?.[0] ?? code)
  return retryCodes.find((known) => known === name || known === String(errno)) ?? 'other'
}
