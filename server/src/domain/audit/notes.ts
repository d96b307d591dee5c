import type { Noted } from './record.ts'

/**
 * What is written after the answer, in one transaction for all that came meanwhile: failed logins come in floods. They
 * are lines about what did not happen, so nothing fails when they cannot be written; they are counted instead.
 */
export type Notes = {
  /** @returns whether nobody has been told yet that there is something to write; null when there is no room */
  push(noted: Noted): 'first' | 'more' | null
  /** Some of those that wait, oldest first; none: who writes may stop. */
  take(): Noted[]
  lose(count: number): void
  /** How many could not be written since the start. */
  lost(): number
}

const mostWaiting = 10_000
const mostAtOnce = 200

export function openNotes(): Notes {
  let waiting: Noted[] = []
  let writing = false
  let lost = 0
  return {
    push(noted) {
      if (waiting.length >= mostWaiting) {
        lost++
        return null
      }
      waiting.push(noted)
      if (writing) return 'more'
      writing = true
      return 'first'
    },
    take() {
      const some = waiting.slice(0, mostAtOnce)
      waiting = waiting.slice(mostAtOnce)
      writing = some.length > 0
      return some
    },
    lose(count) {
      lost += count
    },
    lost: () => lost,
  }
}
