import type { Db, Tx } from '../../database/connect.ts'
import { hashOneTimeToken, type Purpose } from './create.ts'
import { findOneTimeTokenRow, markOneTimeTokenUsed, type OneTimeTokenRow } from './store.ts'

const shape = /^ntto_[A-Za-z0-9_-]{43}$/

/** What a token is for, while it is good for one of these purposes; undefined otherwise, whyever. */
export async function readOneTimeToken(
  db: Db | Tx,
  token: string,
  purposes: readonly Purpose[],
  now: number,
): Promise<OneTimeTokenRow | undefined> {
  if (!shape.test(token)) return undefined
  const row = await findOneTimeTokenRow(db, hashOneTimeToken(token))
  const isGood = row && row.used_at === null && row.expires_at > now && purposes.includes(row.purpose)
  return isGood ? row : undefined
}

/** Uses it up. @returns false when somebody was faster */
export async function redeemOneTimeToken(tx: Tx, { id }: OneTimeTokenRow, now: number): Promise<boolean> {
  return markOneTimeTokenUsed(tx, id, now)
}
