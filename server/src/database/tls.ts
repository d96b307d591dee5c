import { readAuthority } from '../certificates.ts'
import type { ServerAddress } from './url.ts'

/** How a driver is to encrypt; `ca` takes the place of the authorities that the runtime trusts. */
export function encryption({ tls, caFile }: ServerAddress) {
  const ca = caFile === null ? {} : { ca: readAuthority(caFile, 'NTT_AUTH_DATABASE_URL') }
  return tls === 'off' ? {} : { ssl: { rejectUnauthorized: tls === 'verify', ...ca } }
}
