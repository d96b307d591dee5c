import type { App } from '../../app.ts'
import { type Finding, fine, problem, warning } from '../../database/finding.ts'
import { canOpen, openPrivateKey } from '../../domain/keys/keyring.ts'
import { activeFirst } from '../../domain/keys/lifecycle.ts'
import { sealedByOlder } from '../../domain/keys/reseal.ts'
import { listSigningKeys, type SigningKeyRow } from '../../domain/keys/store.ts'

const day = 24 * 60 * 60 * 1000

export type Store = Pick<App, 'config' | 'masterKeys' | 'database' | 'clock'>

/** The signing keys, and whether the master key opens them. */
export async function examineKeys({ database, masterKeys, config, clock }: Store): Promise<Finding[]> {
  if (!(await database.dialect.hasTable(database.db, 'signing_keys').catch(() => false))) return []
  const rows = await listSigningKeys(database.db)
  const [active] = activeFirst(rows)
  const unopened = rows.filter((row) => row.state === 'next' && !canOpen(row, masterKeys))
  try {
    if (active) openPrivateKey(active, masterKeys)
    else if (unopened.length > 0 && !rows.some((row) => row.state === 'next' && !unopened.includes(row))) {
      openPrivateKey(unopened[0]!, masterKeys)
    }
  } catch (error) {
    return [problem((error as Error).message, 'Without the right master key a server does not start.')]
  }
  const usable = rows.filter((row) => !unopened.includes(row))
  return [
    ...judgeKeys(usable, sealedByOlder(rows, masterKeys).length, config, clock.now()),
    ...unopened.map(({ kid }) =>
      warning(
        `The master key does not open the next key ${kid}: it will never sign.`,
        `Run: ntt-auth keys revoke ${kid}. Or add the NTT_AUTH_MASTER_KEY it was made under at the end of the list.`,
      ),
    ),
  ]
}

type Wanted = { signingAlgorithm: string; keyRotationInterval: number }

/** @param older how many keys an older master key seals @param now milliseconds since 1970 */
export function judgeKeys(rows: SigningKeyRow[], older: number, wanted: Wanted, now: number): Finding[] {
  const [active] = activeFirst(rows)
  if (!active) return [warning('There is no active signing key.', 'The first start of a server makes one.')]
  const age = now - (active.activated_at ?? now)
  const findings = [fine(`The key ${active.kid} (${active.algorithm}) signs for ${Math.floor(age / day)} days.`)]
  if (age > wanted.keyRotationInterval + day) {
    findings.push(
      warning(
        'The active key should have been changed by now.',
        'Start a server: it changes keys by itself. If one runs, look for "chore_failed" in its log.',
      ),
    )
  }
  if (active.algorithm !== wanted.signingAlgorithm) {
    const says = `Tokens are still signed by ${active.algorithm}, not ${wanted.signingAlgorithm}.`
    findings.push(warning(says, 'A key for it signs once it has been published long enough; see "ntt-auth keys list".'))
  }
  if (!rows.some(({ state }) => state === 'next')) {
    findings.push(warning('There is no next key for an emergency.', 'A server that runs makes one within a minute.'))
  }
  if (older > 0) {
    findings.push(warning(`An older master key seals ${older} signing keys.`, 'Run: ntt-auth keys reseal'))
  }
  return findings
}
