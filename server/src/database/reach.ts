import { mendCertificate } from '../certificates.ts'
import type { Database } from './connect.ts'
import { isSilence } from './dialect.ts'
import { maskDatabaseUrl } from './url.ts'

/** The first words with the database. @throws Error with a sentence for the operator when it does not answer */
export async function reachDatabase(database: Database, url: string): Promise<void> {
  await database.ping().catch((error) => {
    const { code, message } = error as Error & { code?: string }
    // PostgreSQL's driver says it without a code.
    const isSilent = isSilence(error) || /\btimeout\b/.test(message)
    const mend = mendCertificate(error, 'NTT_AUTH_DATABASE_URL')
    const trouble = mend ? 'cannot be trusted' : isSilent ? 'does not answer' : 'does not let us in'
    // Several addresses of one host, all of which refused, come without a message of their own.
    throw new Error(
      `The database at ${maskDatabaseUrl(url)} ${trouble}: ` +
        `${(message || code || 'it gives no reason').replace(/\.$/, '')}. ` +
        (mend ??
          'Check NTT_AUTH_DATABASE_URL, and that the database runs, can be reached from here and knows this user.'),
      { cause: error },
    )
  })
}
