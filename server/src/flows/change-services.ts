import type { App } from '../app.ts'
import { toRfc3339 } from '../clock.ts'
import { differenceFrom } from '../domain/services/difference.ts'
import { findService, type ServiceDetails } from '../domain/services/list.ts'
import { rotateSecret } from '../domain/services/rotate.ts'
import type { ServiceScope } from '../domain/services/service.ts'
import { deleteSecretRow, deleteServiceRows } from '../domain/services/store.ts'
import { takeService } from '../domain/services/take.ts'
import { changeService } from '../domain/services/update.ts'
import { AppError } from '../errors.ts'
import type { Act } from './acting.ts'
import { inAuditedTransaction } from './audited.ts'

/**
 * What is done to a service takes effect at once on this node, and on the others when they next look: within a second
 * for a request, and another one for a stream.
 */
function forgetRemembered(app: App): void {
  app.services.clear()
}

const subjectOf = ({ id }: { id: string }) => ({ kind: 'service' as const, id })

/** What is so already changes nothing. @throws AppError `not_found` */
export async function updateService(
  app: App,
  act: Act,
  id: string,
  wanted: { name?: string; scopes?: ServiceScope[] },
): Promise<ServiceDetails> {
  const now = app.clock.now()
  const service = await inAuditedTransaction(app, act, async (tx, record) => {
    const found = await takeService(tx, id, now)
    if (!found) throw new AppError('not_found')
    const change = differenceFrom(found, wanted)
    const fields = Object.keys(change).join(' ')
    if (fields === '') return found
    await changeService(tx, found.id, change, now)
    record({ event: 'service_updated', subject: subjectOf(found), details: { fields } })
    return { ...found, ...change }
  })
  forgetRemembered(app)
  return service
}

/** The service and its secrets are gone. @throws AppError `not_found` */
export async function deleteService(app: App, act: Act, id: string): Promise<void> {
  await inAuditedTransaction(app, act, async (tx, record) => {
    const found = await takeService(tx, id, app.clock.now())
    if (!found) throw new AppError('not_found')
    await deleteServiceRows(tx, found.id)
    record({ event: 'service_deleted', subject: subjectOf(found) })
  })
  forgetRemembered(app)
}

export type Rotation = {
  /** Milliseconds for which the secrets before live on; 0 ends them at once. */
  overlap: number
  /** Milliseconds for which the new one lives; null: until it is deleted or replaced. */
  life: number | null
}

/**
 * The next secret of a service. @returns it, this once
 * @throws AppError `not_found`, `secrets_full` when two are alive already
 */
export async function rotateServiceSecret(
  app: App,
  act: Act,
  id: string,
  { overlap, life }: Rotation,
): Promise<{ service: ServiceDetails; secret: string }> {
  const now = app.clock.now()
  const rotated = await inAuditedTransaction(app, act, async (tx, record) => {
    const found = await takeService(tx, id, now)
    if (!found) throw new AppError('not_found')
    const made = await rotateSecret(tx, found.id, { overlap, expiresAt: life === null ? null : now + life, now })
    if (!made) throw new AppError('secrets_full')
    const subject = subjectOf(found)
    record({ event: 'service_secret_created', subject, details: { secret: made.id } })
    for (const secret of made.shortened) {
      if (overlap === 0) record({ event: 'service_secret_deleted', subject, reason: 'replaced', details: { secret } })
      else
        record({ event: 'service_secret_replaced', subject, details: { secret, expires_at: toRfc3339(now + overlap) } })
    }
    const service = await findService(tx, found.id, now)
    return { service: service!, secret: made.secret }
  })
  forgetRemembered(app)
  return rotated
}

/** @throws AppError `not_found` also when it is the secret of another service */
export async function deleteServiceSecret(app: App, act: Act, id: string, secretId: string): Promise<void> {
  await inAuditedTransaction(app, act, async (tx, record) => {
    const found = await takeService(tx, id, app.clock.now())
    if (!found || !(await deleteSecretRow(tx, found.id, secretId))) throw new AppError('not_found')
    record({ event: 'service_secret_deleted', subject: subjectOf(found), details: { secret: secretId } })
  })
  forgetRemembered(app)
}
