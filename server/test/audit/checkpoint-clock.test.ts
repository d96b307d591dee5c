import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '../../src/app.ts'
import { checkpointByTheClock } from '../../src/chores/checkpoint-audit.ts'
import { findLastCheckpoint } from '../../src/domain/audit/store.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { inAuditedTransaction } from '../../src/flows/audited.ts'
import { eventually, minute } from '../flows/flow-server.ts'
import { describeStore } from '../stores/fresh-stores.ts'
import { auditedApp } from '../support/audited.ts'
import { testClock } from '../support/clock.ts'

describeStore('the checkpoints of a server that runs', (database) => {
  const clock = testClock()
  const works = new Set<Promise<void>>()
  const appOf = () =>
    ({
      ...auditedApp(database(), clock),
      auditCovered: { at: 0, disagrees: false },
      later: (work: () => Promise<void>) => void works.add(work()),
      atLast: () => undefined,
    }) as unknown as App
  const writeBy = (app: App, count: number) =>
    inAuditedTransaction(app, operatorAct, async (_tx, record) => {
      for (let line = 0; line < count; line++) record({ event: 'ends_reapplied' })
    })

  it('are made every five minutes and after a thousand lines, and no sooner', async () => {
    const app = appOf()
    const write = (count: number) => writeBy(app, count)
    const made = async () => (await findLastCheckpoint(database().db))?.number ?? 0
    const [look, looks] = [5, 40]
    const still = async (count: number, after: string) => {
      await delay(look * looks)
      assert.equal(await made(), count, after)
    }
    const soon = (count: number) => eventually(async () => (await made()) === count)

    const stop = checkpointByTheClock(app, look)
    try {
      await write(1)
      clock.advance(4 * minute)
      await still(0, 'four minutes')
      clock.advance(minute)
      await soon(1)
      await write(999)
      await still(1, '999 lines')
      await write(1)
      await soon(2)
      await write(999)
      await still(2, 'the count begins anew')
      clock.advance(5 * minute - 10_000)
      await still(2, 'so do the minutes')
      // A clock that was set back brings the next one sooner, and never later.
      clock.advance(-10 * minute)
      await soon(3)
    } finally {
      stop()
      await Promise.all(works)
    }
  })

  it('come in their time where no server lives for as long as that', async () => {
    const look = 5
    const made = async () => (await findLastCheckpoint(database().db))?.number ?? 0
    await database().db.deleteFrom('audit_checkpoints').execute()
    await database().db.deleteFrom('audit_lines').execute()
    await database().db.deleteFrom('audit_writers').execute()
    // The first server leaves lines and no checkpoint, the second one and newer lines, and each is killed.
    for (const number of [1, 2]) {
      const app = appOf()
      await writeBy(app, 1)
      if (number === 1) clock.advance(3 * minute)
      for (const count of [number - 1, number]) {
        const next = appOf()
        const stop = checkpointByTheClock(next, look)
        await delay(look * 40)
        stop()
        await Promise.all(works)
        assert.equal(await made(), count, `${number}, at ${count}`)
        clock.advance(3 * minute)
      }
    }
  })
})
