import { createHash } from 'node:crypto'
import type { AuditCheckpointRow } from '../../database/schema.ts'
import { type CheckpointKeys, idOfKey, isSignedBy } from './checkpoint-keys.ts'

/** How far a chain goes: its last line and that line's hash in base64url. */
export type Head = [writer: string, seq: number, hash: string]

export type CheckpointBody = {
  kind: typeof kind
  number: number
  /** Milliseconds since 1970. */
  at: number
  key_id: string
  /** The chains that have grown since the checkpoint before. */
  heads: Head[]
  /** The chains that are removed from now on, because every line of them is older than the retention. */
  removed: Head[]
  /** Digests of the people of whom lines in these chains said that they were erased. */
  erased: string[]
  /** The oldest checkpoint that is kept from now on. */
  first: number
  /** The retention has taken nothing newer, now or before: milliseconds since 1970. */
  kept_since: number
  /** Where the signing key has changed: the public key of the checkpoint before, which the new key vouches for. */
  former_key: string | null
  prev_hash: string
}

const kind = 'ntt-auth audit checkpoint 1'
const none = Buffer.alloc(32).toString('base64url')

export type NewCheckpoint = Pick<CheckpointBody, 'at' | 'heads' | 'removed' | 'erased' | 'first' | 'kept_since'>

/** @param before the last one, or undefined for the first */
export function signCheckpoint(
  keys: CheckpointKeys,
  before: AuditCheckpointRow | undefined,
  content: NewCheckpoint,
): AuditCheckpointRow {
  const { signer, known } = keys
  const hasChanged = before !== undefined && before.key_id !== signer.id
  const body: CheckpointBody = {
    kind,
    number: (before?.number ?? 0) + 1,
    key_id: signer.id,
    ...content,
    former_key: hasChanged ? (known.get(before.key_id) ?? null) : null,
    prev_hash: before?.hash.toString('base64url') ?? none,
  }
  const text = JSON.stringify(body)
  const hash = hashOfBody(text)
  return { number: body.number, at: body.at, key_id: signer.id, body: text, hash, signature: signer.sign(hash) }
}

/** A chain that is kept may have been signed for the last time up to its life before its end was due. */
export const speaksFor = 2 * 24 * 60 * 60 * 1000

/** Whether the retention may have taken a checkpoint, by what was signed. */
export function mayBeGone(
  { number, at }: Pick<CheckpointBody, 'number' | 'at'>,
  by: Pick<CheckpointBody, 'first' | 'kept_since'>,
): boolean {
  return number < by.first && at < by.kept_since - speaksFor
}

function hashOfBody(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/**
 * Reads a checkpoint and sees whether it is what was signed.
 * @param trusted public keys by id; a key that a good checkpoint vouches for is added
 * @returns what it says, and in words what is wrong with it; of an unknown key it says something nobody can judge
 */
export function openCheckpoint(
  row: AuditCheckpointRow,
  trusted: Map<string, string>,
): { body: CheckpointBody; wrong: null | 'unknown key' } | { body: null; wrong: 'altered' | 'forged' } {
  const body = parse(row.body)
  const isWhole =
    hashOfBody(row.body).equals(row.hash) &&
    body !== null &&
    body.number === row.number &&
    body.at === row.at &&
    body.key_id === row.key_id
  if (!isWhole) return { body: null, wrong: 'altered' }
  const publicKey = trusted.get(row.key_id)
  if (publicKey === undefined) return { body, wrong: 'unknown key' }
  if (!isSignedBy(publicKey, row.hash, row.signature)) return { body: null, wrong: 'forged' }
  if (body.former_key !== null) trusted.set(idOfKey(body.former_key), body.former_key)
  return { body, wrong: null }
}

/** Somebody else may have written it, as the key that it names may not be known. */
function parse(text: string): CheckpointBody | null {
  try {
    const body: CheckpointBody = JSON.parse(text)
    const { at, heads, removed, erased, first, kept_since, prev_hash } = body
    const isOne =
      body.kind === kind &&
      Number.isFinite(new Date(at).getTime()) &&
      [...heads, ...removed].every(isHead) &&
      erased.every((digest) => typeof digest === 'string') &&
      Number.isSafeInteger(first) &&
      (kept_since === undefined || Number.isSafeInteger(kept_since)) &&
      typeof prev_hash === 'string'
    // One that was signed before this was said: then only its number says what may be gone.
    return isOne ? { ...body, kept_since: kept_since ?? Number.POSITIVE_INFINITY } : null
  } catch {
    return null
  }
}

function isHead([writer, seq, hash]: Head): boolean {
  return typeof writer === 'string' && Number.isSafeInteger(seq) && typeof hash === 'string'
}
