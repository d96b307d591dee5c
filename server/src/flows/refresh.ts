import type { App } from '../app.ts'
import { judgeRefresh } from '../domain/sessions/judge-refresh.ts'
import { isOtherNetwork } from '../domain/sessions/network.ts'
import { traceOfKey } from '../domain/sessions/redeemers.ts'
import { nextRotation, type Rotation, rotateSession } from '../domain/sessions/rotate.ts'
import { findSessionWithUser } from '../domain/sessions/store.ts'
import { userOf } from '../domain/users/user.ts'
import { AppError, type EndReason } from '../errors.ts'
import { type Act, actingAs } from './acting.ts'
import { announceEnds } from './announce-ends.ts'
import { inAuditedTransaction } from './audited.ts'
import { countedRefresh, countRefresh } from './count-outcomes.ts'
import { endOne } from './end-sessions.ts'
import { asOfNow, issueTokens, type Tokens } from './issue-tokens.ts'
import { withLivingRoles } from './living-roles.ts'
import { queueWithin } from './mail-budget.ts'
import { noteAfterwards } from './note-afterwards.ts'
import { mailQueued } from './queue-mail.ts'
import { noticeMail } from './write-mail.ts'

export type Refresh = {
  token: string
  /** The `Refresh-Key` that is stored with the token, or null. */
  key: string | null
}

// Each round that fails was won by somebody else's refresh of the same session.
const rounds = 10

/**
 * A session goes on, its token changes, and a stolen one is noticed (`docs/refresh-protocol.md`). Each round reads the
 * row, judges the token by it, and does one guarded update; who comes second is judged anew.
 */
export async function refresh(app: App, act: Act, input: Refresh): Promise<Tokens> {
  return countedRefresh(app, () => attempt(app, act, input))
}

async function attempt(app: App, act: Act, { token, key }: Refresh): Promise<Tokens> {
  const presented = app.refreshTokens.read(token)
  if (!presented) throw new AppError('invalid_refresh_token')
  const trace = traceOfKey(key)

  for (let round = 0; round < rounds; round++) {
    const asOf = asOfNow(app)
    const row = await findSession(app, presented.sessionId)
    const now = app.clock.now()
    const verdict = judgeRefresh(row, presented.generation, trace, key !== null, now)
    const tokensAt = async (generation: number, expiresAt: number) =>
      issueTokens(
        app,
        { grant: 'refresh', id: row.id, generation, createdAt: row.session_created_at, expiresAt },
        await withLivingRoles(app, userOfSession(row)),
        asOf,
      )

    switch (verdict.kind) {
      case 'ended':
        throw ended(verdict.reason)
      case 'rotate': {
        const rotation = nextRotation(row, presented.generation, trace, app.config.sessionIdleTtl, act.ip, now)
        if (!(await app.commit((tx) => rotateSession(tx, rotation), { oneStatement: true }))) continue
        countRefresh(app, 'rotated')
        return tokensAt(rotation.to, rotation.idleExpiresAt)
      }
      case 'forward': {
        const rotation = nextRotation(row, presented.generation, trace, app.config.sessionIdleTtl, act.ip, now)
        if (!(await moveForward(app, act, row, rotation))) continue
        note(app, 'refresh_forward', row, presented.generation)
        countRefresh(app, 'forward')
        return tokensAt(rotation.to, rotation.idleExpiresAt)
      }
      case 'repeat':
        countRefresh(app, 'repeated')
        if (isOtherNetwork(row.last_ip, act.ip)) noteAfterwards(app, act, aboutRow(row, 'refresh_from_elsewhere'))
        return tokensAt(row.generation, Math.min(row.idle_expires_at, row.absolute_expires_at))
      case 'superseded':
        note(app, 'refresh_superseded', row, presented.generation)
        noteAfterwards(app, act, aboutRow(row, 'refresh_superseded', presented.generation))
        throw new AppError('refresh_superseded')
      case 'reuse': {
        const { end, mails } = await inAuditedTransaction(app, act, async (tx, record) => {
          const end = await endOne(app, tx, row.id, 'refresh_token_reuse', row.generation)
          const personal = row.last_ip === null ? {} : { former_ip: row.last_ip }
          if (end.ends.length === 0) return { end, mails: [] }
          record({ ...aboutRow(row, 'refresh_token_reuse', presented.generation), personal })
          const notice = noticeMail(app, 'session-ended', userOfSession(row), act)
          return { end, mails: await queueWithin(app, tx, notice) }
        })
        if (end.ends.length === 0) continue
        announceEnds(app, end)
        mailQueued(app, ...mails)
        note(app, 'refresh_token_reuse', row, presented.generation, act.ip)
        throw ended('refresh_token_reuse', 'reuse')
      }
    }
  }
  throw new AppError('overloaded', { retryAfter: 1, detail: 'The session is being refreshed too often at once.' })
}

type Found = Awaited<ReturnType<typeof findSession>>

async function findSession(app: App, id: string) {
  const { rows } = await findSessionWithUser(app.database.db, { id })
  const row = rows[0]
  if (!row) throw ended(reasonForMissing(app, id))
  if (row.ended_at === null && row.status === 'disabled') throw ended('disabled')
  if (row.ended_at === null && row.email === null) throw ended('deleted')
  return row
}

/** A session leaves no row behind when it is long over, or when it began after the backup that was restored. */
function reasonForMissing(app: App, id: string): EndReason {
  const began = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
  return app.clock.now() >= began + app.config.sessionAbsoluteTtl ? 'expired' : 'restored'
}

function userOfSession(row: Found) {
  return userOf({
    id: row.user_id,
    email: row.email!,
    email_verified: row.email_verified!,
    name: row.name,
    locale: row.locale,
    roles: row.roles!,
    roles_id: row.roles_id,
    status: row.status!,
    metadata: row.metadata!,
    created_at: row.created_at!,
    updated_at: row.updated_at!,
    last_login_at: row.last_login_at,
    // Whoever is to be deleted has no session.
    deletion_due_at: null,
    unconfirmed_since: null,
  })
}

function ended(reason: EndReason, cause?: 'reuse'): AppError {
  return new AppError('session_ended', { endReason: reason, cause })
}

/** A database that went back is overtaken by an honest client; in normal running nobody is ahead of the row. */
async function moveForward(app: App, act: Act, row: Found, rotation: Rotation): Promise<boolean> {
  return inAuditedTransaction(app, actingAs(act, row.user_id), async (tx, record) => {
    const moved = await rotateSession(tx, rotation)
    if (moved) record(aboutRow(row, 'refresh_forward', rotation.to - 1))
    return moved
  })
}

type OfRefresh = 'refresh_token_reuse' | 'refresh_forward' | 'refresh_superseded' | 'refresh_from_elsewhere'

function aboutRow<Event extends OfRefresh>(row: Found, event: Event, presented?: number) {
  const details = { generation: row.generation, ...(presented !== undefined && { presented }) }
  return { event, subject: { kind: 'session' as const, id: row.id }, user: row.user_id, details }
}

function note(app: App, event: string, row: Found, presented: number, ip?: string | null): void {
  app.log.warn({
    event,
    session: row.id,
    user: row.user_id,
    generation: row.generation,
    presented,
    ip,
    last_ip: row.last_ip,
  })
}
