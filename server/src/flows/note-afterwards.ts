import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '../app.ts'
import type { AuditEvent } from '../domain/audit/events.ts'
import type { Act } from './acting.ts'
import { writingLines } from './audited.ts'

/** Long enough for the answer to go out first, and for those of a flood to share a commit. */
const patience = 50

/**
 * Writes an audit line about what changed nothing, such as a failed login, after the answer: the caller neither waits for
 * it nor fails with it, and learns nothing from the time it takes.
 */
export function noteAfterwards(app: App, act: Act, event: AuditEvent): void {
  const place = app.auditNotes.push({ act, at: app.clock.now(), event })
  if (place === 'first') app.later(() => writeNotes(app))
  if (place === null) app.log.error({ event: 'audit_line_lost', line: event.event }, 'too many audit lines are waiting')
}

async function writeNotes(app: App): Promise<void> {
  await delay(patience)
  for (;;) {
    const noted = app.auditNotes.take()
    if (noted.length === 0) return
    try {
      await writingLines(app, async () => ({ result: undefined, noted }))
    } catch (error) {
      app.auditNotes.lose(noted.length)
      for (const { event } of noted) app.log.error({ event: 'audit_line_lost', line: event.event, err: error })
    }
  }
}
