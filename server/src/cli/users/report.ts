import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { Outcome } from '../../flows/import-users.ts'
import { UsageError } from '../usage-error.ts'

export type Report = { write(outcomes: Outcome[]): Promise<void>; close(): Promise<void> }

/** One JSON object a row, behind what an earlier run has left there. For the owner only: it holds addresses. */
export async function openReport(path: string): Promise<Report> {
  const stream = createWriteStream(path, { flags: 'a', mode: 0o600 })
  await once(stream, 'open').catch((error: Error) => {
    throw new UsageError(`The report cannot be written to ${path}: ${error.message}`)
  })
  return {
    async write(outcomes) {
      const text = outcomes.map((outcome) => `${JSON.stringify(outcome)}\n`).join('')
      if (!stream.write(text)) await once(stream, 'drain')
    },
    async close() {
      stream.end()
      await once(stream, 'close')
    },
  }
}
