import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { SigningKeyRow } from '../../database/schema.ts'
import { algorithms, isSigningAlgorithm } from './algorithms.ts'
import { activeFirst } from './lifecycle.ts'
import { unseal } from './seal.ts'
import { WrongMasterKey } from './wrong-master-key.ts'

/** The keys in memory: one signs, all that are published verify. */
export type Keyring = {
  /** The key that signs; null until there is an active one. */
  signer(): { kid: string; algorithm: string; sign(input: string): Buffer } | null
  verifier(kid: string): { algorithm: string; verify(input: string, signature: Buffer): boolean } | undefined
  /** The public set, RFC 7517. */
  jwks(): { keys: Record<string, unknown>[] }
  /** What each key is and since when, for the operator. */
  states(): KeyState[]
  /** The ids of keys that wait to sign and never will: no master key of this node opens them. */
  unopened(): string[]
  /** Takes over what the database holds now. @throws Error when the master key does not open the active key */
  load(rows: SigningKeyRow[]): void
}

export type KeyState = Pick<SigningKeyRow, 'kid' | 'algorithm' | 'state' | 'created_at' | 'activated_at' | 'retired_at'>

export function keyring(masterKeys: Buffer[]): Keyring {
  let signer: ReturnType<Keyring['signer']> = null
  let verifiers = new Map<string, NonNullable<ReturnType<Keyring['verifier']>>>()
  let published: { keys: Record<string, unknown>[] } = { keys: [] }
  let states: KeyState[] = []
  let unopened: string[] = []

  return {
    signer: () => signer,
    verifier: (kid) => verifiers.get(kid),
    jwks: () => published,
    states: () => states,
    unopened: () => unopened,
    load(rows) {
      const usable = rows.filter((row) => row.state !== 'removed' && isSigningAlgorithm(row.algorithm))
      // What verifies comes first: also a node that cannot sign by a new key must not refuse what others sign by it.
      verifiers = new Map(usable.map((row) => [row.kid, verifiers.get(row.kid) ?? verifierOf(row)]))
      published = { keys: usable.map((row) => JSON.parse(row.public_jwk)) }
      states = usable.map(({ public_jwk: _, sealed_private: __, ...state }) => state)
      unopened = markOpening(usable, masterKeys).flatMap(({ kid, opens }) => (opens ? [] : [kid]))
      const [active] = activeFirst(usable)
      if (active?.kid === signer?.kid) return
      signer = null
      if (active) signer = signerOf(active, masterKeys)
    },
  }
}

/**
 * The private half of a key that signs or will.
 * @throws WrongMasterKey when none of the master keys opens it
 */
export function openPrivateKey(row: SigningKeyRow, masterKeys: Buffer[]): Buffer {
  const secret = unseal(masterKeys, row.kid, row.sealed_private)
  if (secret) return secret
  throw new WrongMasterKey(
    `The master key does not open the signing key ${row.kid}: it is not the one this database was used with. ` +
      'Start with the former NTT_AUTH_MASTER_KEY (several may be given, the newest first).',
  )
}

/**
 * The keys, each with whether it may come to sign here: one that waits, and that no master key of this node opens, would
 * leave the node without a key.
 */
export function markOpening(rows: SigningKeyRow[], masterKeys: Buffer[]): (SigningKeyRow & { opens: boolean })[] {
  return rows.map((row) => ({ ...row, opens: row.state !== 'next' || canOpen(row, masterKeys) }))
}

export function canOpen(row: SigningKeyRow, masterKeys: Buffer[]): boolean {
  return unseal(masterKeys, row.kid, row.sealed_private) !== null
}

function signerOf(row: SigningKeyRow, masterKeys: Buffer[]) {
  const secret = openPrivateKey(row, masterKeys)
  const key = createPrivateKey({ key: secret, format: 'der', type: 'pkcs8' })
  const algorithm = algorithms[row.algorithm as keyof typeof algorithms]
  return { kid: row.kid, algorithm: row.algorithm, sign: (input: string) => algorithm.sign(input, key) }
}

function verifierOf(row: SigningKeyRow) {
  const key = createPublicKey({ key: JSON.parse(row.public_jwk), format: 'jwk' })
  const algorithm = algorithms[row.algorithm as keyof typeof algorithms]
  return {
    algorithm: row.algorithm,
    verify: (input: string, signature: Buffer) => algorithm.verify(input, key, signature),
  }
}
