import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import { randomToken } from '../random.ts'
import type { Database } from './connect.ts'
import { clockSkew } from './time.ts'
import { repeating } from './transaction.ts'

/** Nobody takes one for longer, in milliseconds: one that ends later was taken before the clock was set back. */
const longest = 60 * 60 * 1000

/** Held by one node at a time; `fence` tells this tenure from earlier ones. */
export type Lease = { name: string; owner: string; fence: number }

/**
 * Takes the lease when it is free or has expired. By compare-and-set on a row, because a database's own locks do not
 * span the nodes of a cluster.
 * @param wanted `now` is the time that all nodes have in common (`time.ts`): by its own clock, a node that is days ahead
 *   would keep the others out for days
 * @returns null when somebody else holds it
 */
export async function takeLease(
  database: Database,
  wanted: { name: string; owner: string; now: number; duration: number },
): Promise<Lease | null> {
  const { db } = database
  const { name, owner, now, duration } = wanted
  const row = await db.selectFrom('leases').selectAll().where('name', '=', name).executeTakeFirst()
  if (!row) {
    try {
      const fresh = { name, owner, fence: 1, expires_at: now + duration }
      await repeating(database, () => db.insertInto('leases').values(fresh).execute())
      return { name, owner, fence: 1 }
    } catch (error) {
      if (database.dialect.isDuplicate(error)) return null
      throw error
    }
  }
  if (row.expires_at > now && row.expires_at <= now + longest) return null
  const fence = row.fence + 1
  const taken = await repeating(database, () =>
    db
      .updateTable('leases')
      .set({ owner, fence, expires_at: now + duration })
      .where('name', '=', name)
      .where('fence', '=', row.fence)
      .where('expires_at', '=', row.expires_at)
      .executeTakeFirst(),
  )
  return taken.numUpdatedRows === 1n ? { name, owner, fence } : null
}

/** @returns false when the lease was lost: whatever it protected must stop */
export async function renewLease(database: Database, lease: Lease, until: number): Promise<boolean> {
  const renewed = await repeating(database, () =>
    database.db
      .updateTable('leases')
      .set({ expires_at: until })
      .where('name', '=', lease.name)
      .where('owner', '=', lease.owner)
      .where('fence', '=', lease.fence)
      .executeTakeFirst(),
  )
  return renewed.numUpdatedRows === 1n
}

export async function releaseLease(database: Database, lease: Lease): Promise<void> {
  await renewLease(database, lease, 0)
}

export type LeaseOptions = {
  name: string
  clock: Clock
  /** Milliseconds after which others may take over from a holder that died. */
  duration?: number | undefined
  /** Milliseconds to wait for the present holder before giving up. */
  patience?: number | undefined
  tell?: ((line: string) => void) | undefined
}

/**
 * Waits for the lease, does the work and gives the lease back. It is renewed meanwhile; `stillHeld`, to be called before
 * every write, throws when it was lost all the same.
 */
export async function withLease<T>(
  database: Database,
  options: LeaseOptions,
  work: (stillHeld: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const { clock, duration = 30_000 } = options
  const skew = (await clockSkew(database, clock)) ?? 0
  const now = () => clock.now() + skew
  const lease = await waitForLease(database, options, duration, now)
  let lost = false
  let renewedAt = performance.now()
  const renew = async () => {
    const asked = performance.now()
    if (await renewLease(database, lease, now() + duration)) renewedAt = asked
    else lost = true
  }
  // One statement may take longer than the lease lasts. A renewal that fails is tried again by the next.
  const timer = setInterval(() => void renew().catch(() => undefined), duration / 3)
  try {
    return await work(async () => {
      // Just renewed, so nobody can have taken it since.
      if (!lost && performance.now() - renewedAt > duration / 10) await renew()
      if (lost) throw new Error(`Somebody else has taken over "${lease.name}"; this one stops.`)
    })
  } finally {
    clearInterval(timer)
    // Left to expire when the database is out of reach.
    await releaseLease(database, lease).catch(() => undefined)
  }
}

async function waitForLease(
  database: Database,
  options: LeaseOptions,
  duration: number,
  now: () => number,
): Promise<Lease> {
  const { name, patience = 60_000, tell } = options
  const owner = `${hostname()}:${process.pid}:${randomToken(6)}`.slice(-128)
  const start = performance.now()
  let told = Number.NEGATIVE_INFINITY
  for (;;) {
    const lease = await takeLease(database, { name, owner, now: now(), duration })
    if (lease) return lease
    const waited = performance.now() - start
    if (waited >= patience) throw new Error(`"${name}" is still held by another process; try again later.`)
    if (waited - told >= 5000) {
      told = waited
      tell?.(`waiting for another process to finish "${name}"`)
    }
    await delay(Math.min(200, duration / 3))
  }
}
