import type { App } from '../app.ts'
import { sharesSecret, signingKeyRow, thumbprint } from '../domain/keys/create.ts'
import { KeyRefused, readSigningKey } from '../domain/keys/import.ts'
import { sealersLikeActive } from '../domain/keys/reseal.ts'
import { insertSigningKey, listPublicKeys, listSigningKeys, type SigningKeyRow } from '../domain/keys/store.ts'
import { takeKeyStep } from '../domain/keys/take-step.ts'
import type { Act } from './acting.ts'
import { inAuditedTransaction } from './audited.ts'
import { repeatWhenMoved } from './repeat-when-moved.ts'
import { rotateKeys } from './rotate-keys.ts'
import { lineOf } from './tend-keys.ts'

/**
 * A key that was made elsewhere becomes the next one, in place of the one that waited.
 * @param text PKCS#8 in PEM, or a private JWK
 * @param activate it signs at once, though verifiers with a cached key set may not know it yet
 * @throws KeyRefused
 */
export async function importKey(app: App, act: Act, text: string, activate: boolean): Promise<{ kid: string }> {
  const pair = readSigningKey(text)
  const { signingAlgorithm: algorithm } = app.config
  if (pair.algorithm !== algorithm) {
    throw new KeyRefused(
      `The key is for ${pair.algorithm}, and this server signs by ${algorithm}. ` +
        `Set NTT_AUTH_SIGNING_ALGORITHM=${pair.algorithm} on every node first.`,
    )
  }
  const kid = await repeatWhenMoved(async () => {
    const now = await app.time.shared()
    return inAuditedTransaction(app, act, async (tx, record) => {
      const rows = await listSigningKeys(tx)
      const masterKeys = sealersLikeActive(rows, app.masterKeys)
      const row = signingKeyRow(pair, masterKeys, now)
      for (const known of await listPublicKeys(tx)) refuseKnown(known, row)
      for (const { kid, state } of rows) {
        if (state !== 'next') continue
        const removal = { kind: 'remove' as const, kid, from: 'next' as const }
        record(lineOf(removal, await takeKeyStep(tx, removal, { algorithm, masterKeys, now })))
      }
      await insertSigningKey(tx, row)
      record({ event: 'signing_key_imported', subject: { kind: 'key', id: row.kid }, details: { algorithm } })
      return row.kid
    })
  })
  app.log.info({ event: 'key_imported', kid })
  if (activate) await rotateKeys(app, act, { now: true })
  else await app.keys.read()
  return { kid }
}

/** By the key itself: under another name a key that was revoked would be trusted again. */
function refuseKnown(known: Pick<SigningKeyRow, 'kid' | 'state' | 'public_jwk'>, row: SigningKeyRow): void {
  const [here, given] = [JSON.parse(known.public_jwk), JSON.parse(row.public_jwk)]
  const remedy = known.state === 'removed' ? ' One that was removed does not come back: make a new one.' : ''
  if (thumbprint(here) === thumbprint(given)) {
    throw new KeyRefused(`This very key is here already, as ${known.kid} (${known.state}).${remedy}`)
  }
  if (sharesSecret(here, given)) {
    throw new KeyRefused(
      `Whoever knows the private half of ${known.kid} (${known.state}) knows that of this key too. Make a new one.`,
    )
  }
  if (known.kid === row.kid)
    throw new KeyRefused(`There is a key ${row.kid} already (${known.state}). Name it otherwise.`)
}
