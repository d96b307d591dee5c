import { timingSafeEqual } from 'node:crypto'
import { setTimeout as delayed } from 'node:timers/promises'
import { newBlank } from './formats/blank.ts'
import type { Unreadable, Wanted, Work } from './formats/format.ts'
import { readHash } from './formats/read.ts'
import { formatsInUse } from './formats-in-use.ts'
import { type Asker, type GovernorOptions, startGovernor } from './governor.ts'
import { isKind, mostOf } from './pace.ts'

export type { Asker }

export type HasherOptions = Pick<GovernorOptions, 'threads' | 'maxWait' | 'now' | 'workerUrl'> & {
  wanted: Wanted
  /** Hears of every hash that was computed for somebody; runs as a part of what asked for it. */
  onComputed?: ((computed: Computed) => void) | undefined
}

/** Times in milliseconds: in the queue, and then in a thread. */
export type Computed = { op: 'hash' | 'verify'; kind: Work['kind']; waited: number; milliseconds: number }

export type Verdict = {
  ok: boolean
  /** The password is right and a new hash of it should replace the stored one. */
  rehash: boolean
  /** The password is longer than the stored format reads; `ok` speaks only of the part that it reads. */
  truncated: boolean
  /** Why the stored hash could not be used at all; for the log. */
  unreadable: Unreadable | null
}

export type HasherStats = {
  threads: number
  /** Threads that were needed so far. */
  running: number
  queued: number
  inFlight: number
  /** Expected milliseconds for one hash of the wanted scheme (EWMA). */
  hashMs: number
  computed: number
  /** Milliseconds that all threads together spent hashing. */
  busyMs: number
  /** Refused on arrival. */
  shed: number
  /** Refused after waiting, because no thread came free in time. */
  expired: number
  /** Dropped from the queue because the caller had gone. */
  abandoned: number
  /** Threads that died and were replaced. */
  crashed: number
}

/** Passwords must be normalised (`normalise.ts`). Every call may throw `overloaded` or `unavailable`. */
export type Hasher = {
  /**
   * For a caller who would do other work before the hash: whoever would be sent away is sent away at once. It promises
   * no place, and takes no account of whose password it is, which nobody could know yet.
   */
  admit(asker?: Asker): void
  hash(password: string, asker?: Asker): Promise<string>
  /** @param stored null for an unknown user: it takes the same way and as long as a known one */
  verify(password: string, stored: string | null, asker?: Asker): Promise<Verdict>
  /** Tells which formats are in use: nobody learns from the time of a refusal whether a hash is of one of them. */
  meet(hashes: string[]): void
  /** The same, where only the kind and the costs are known. */
  know(kind: string, units: number[]): void
  /** Measures how long a hash takes on this machine; nothing needs to wait for it. */
  calibrate(): Promise<void>
  stats(): HasherStats
  close(): Promise<void>
}

export function startHasher({ wanted, onComputed, ...options }: HasherOptions): Hasher {
  const dummy = newBlank(wanted).recipe
  const slowest = formatsInUse(dummy)
  const governor = startGovernor({ ...options, kind: dummy.work.kind })
  // Nobody waits longer than that for a refusal, whatever a machine that stood still has made us believe.
  const lasting = (work: Work) => Math.min(governor.expect(work), mostOf(work))

  return {
    admit: (asker) => governor.admit(dummy.work, asker),

    async hash(password, asker) {
      const { recipe, fill } = newBlank(wanted)
      const { digest, ...times } = await governor.run(recipe.work, () => recipe.call(password), asker)
      onComputed?.({ op: 'hash', kind: recipe.work.kind, ...times })
      return fill(digest)
    },

    async verify(password, stored, asker) {
      const read = stored === null ? dummy : readHash(stored)
      const unreadable = typeof read === 'string' ? read : null
      const recipe = typeof read === 'string' ? dummy : read
      slowest.meet(recipe)
      const { digest, ...times } = await governor.run(recipe.work, () => recipe.call(password), asker)
      onComputed?.({ op: 'verify', kind: recipe.work.kind, ...times })
      const ok = isSame(digest, recipe.digest) && recipe !== dummy
      // The stored hash vouches only for the part it reads. The owner gets in, as in the system the hash came from,
      // but we do not bless a tail that nobody has checked: the old hash stays until the password is changed.
      if (!ok) await delay(slowest.expected(lasting) - times.milliseconds, asker?.signal)
      const truncated = Buffer.byteLength(password) > recipe.reads
      return { ok, rehash: ok && !truncated && !recipe.isAsWanted(wanted), truncated, unreadable }
    },

    meet(hashes) {
      for (const hash of hashes) {
        const recipe = readHash(hash)
        if (typeof recipe !== 'string') slowest.meet(recipe)
      }
    },

    know(kind, units) {
      for (const each of units) if (isKind(kind)) slowest.know({ kind, units: each })
    },

    async calibrate() {
      for (const { work, call } of slowest.recipes()) {
        // When real work leaves no room for this, it does the measuring.
        await governor.run(work, () => call('calibration')).catch(() => undefined)
      }
    },

    stats: () => ({ ...governor.stats(), hashMs: governor.expect(dummy.work) }),
    close: governor.close,
  }
}

async function delay(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (milliseconds >= 1) await delayed(milliseconds, undefined, { signal })
}

function isSame(computed: string, stored: string): boolean {
  return computed.length === stored.length && timingSafeEqual(Buffer.from(computed), Buffer.from(stored))
}
