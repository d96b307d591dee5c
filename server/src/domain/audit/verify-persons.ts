import type { Db } from '../../database/connect.ts'
import { erasingEvents } from './events.ts'
import { hashOfLine } from './line.ts'
import { openPersonal } from './personal.ts'
import { digestOfPerson } from './persons.ts'
import { type AuditLineRow, listErasedPersons, listErasures, listPersons } from './store.ts'
import type { Finding } from './verify.ts'
import { isLeaving, type Signed } from './verify-checkpoints.ts'

const page = 1000
const mostTold = 100

type Trouble = { writer: string | null; seq: number; kind: 'edited' | 'erased'; words: string }

/**
 * The secrets of people are no part of any chain, because they go. So each must open what was sealed by it, and where one
 * is gone there must be a line that says so, or a checkpoint that says so of a line that the retention has removed.
 */
export function watchPersons(db: Db, signed: Signed) {
  const troubles = new Map<string, Trouble>()
  const gone = new Map<string, Trouble>()

  const hold = (line: AuditLineRow, id: string, sealed: Buffer, secret?: Buffer | null) => {
    const { writer, seq } = line
    // Of a line that is in trouble itself it says nothing.
    const isWhole = () => hashOfLine(line).equals(line.hash)
    if (secret) {
      if (openPersonal(secret, sealed) !== null || !isWhole()) return
      troubles.set(id, { writer, seq, kind: 'edited', words: `does not open line ${seq} of writer ${writer}` })
    } else if (!gone.has(id) && isWhole()) {
      const words = `is gone, and no line says that the person was erased; line ${seq} of writer ${writer} needs it`
      gone.set(id, { writer, seq, kind: 'erased', words })
    }
  }

  return {
    /** Lines as they are read. */
    async see(lines: AuditLineRow[]): Promise<void> {
      // Of chains that are about to go no more is asked.
      const kept = lines.filter(({ writer }) => !isLeaving(signed, writer))
      const secrets = await secretsIn(db, kept)
      for (const line of kept) {
        if (line.actor_sealed && line.actor_id) hold(line, line.actor_id, line.actor_sealed, secrets.get(line.actor_id))
        if (line.user_sealed && line.user_id) hold(line, line.user_id, line.user_sealed, secrets.get(line.user_id))
        if (line.user_id && isErasing(line) && secrets.get(line.user_id)) {
          const { writer, seq } = line
          const words = `is there again, though line ${seq} of writer ${writer} says that the person was erased`
          troubles.set(line.user_id, { writer, seq, kind: 'edited', words })
        }
      }
    },
    /** To be called when every line was read: who was erased meanwhile has its line by now. */
    async close(): Promise<Finding[]> {
      for await (const id of erasedPersons(db)) {
        const words = 'was marked as erased, and no line says so'
        if (!gone.has(id)) gone.set(id, { writer: null, seq: 0, kind: 'erased', words })
      }
      for (const ids of chunks([...gone.keys()])) {
        const said = (await listErasures(db, ids, erasingEvents)).filter((line) => hashOfLine(line).equals(line.hash))
        for (const { user_id } of said) gone.delete(user_id!)
      }
      for (const id of gone.keys()) if (isErased(signed, id)) gone.delete(id)
      return inSentences([...troubles, ...gone])
    },
  }
}

/** Does a checkpoint say so? */
export function isErased({ erased, claimed }: Signed, user: string): boolean {
  const digest = digestOfPerson(user)
  return erased.has(digest) || claimed.erased.has(digest)
}

async function secretsIn(db: Db, lines: AuditLineRow[]): Promise<Map<string, Buffer | null>> {
  const ids = new Set<string>()
  for (const line of lines) {
    if (line.actor_sealed && line.actor_id) ids.add(line.actor_id)
    if (line.user_id && (line.user_sealed || isErasing(line))) ids.add(line.user_id)
  }
  return new Map((await listPersons(db, [...ids])).map(({ user_id, secret }) => [user_id, secret]))
}

function isErasing({ event }: AuditLineRow): boolean {
  return (erasingEvents as string[]).includes(event)
}

async function* erasedPersons(db: Db): AsyncGenerator<string> {
  for (let behind = ''; ; ) {
    const ids = await listErasedPersons(db, page, behind)
    yield* ids
    if (ids.length < page) return
    behind = ids.at(-1)!
  }
}

function* chunks(ids: string[]): Generator<string[]> {
  for (let start = 0; start < ids.length; start += page) yield ids.slice(start, start + page)
}

function inSentences(troubles: [string, Trouble][]): Finding[] {
  const findings: Finding[] = troubles.slice(0, mostTold).map(([user, { writer, seq, kind, words }]) => ({
    ...{ kind, writer, user, from: seq, to: seq, what: 'persons' as const },
    sentence: `The secret of user ${user} ${words}.`,
  }))
  const more = troubles.length - findings.length
  if (more > 0) {
    const sentence = `The secrets of ${more} more users are not what they were.`
    findings.push({ kind: 'erased', writer: null, user: null, from: 0, to: 0, what: 'persons', sentence })
  }
  return findings
}
