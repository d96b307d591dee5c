/** What clients of one session saw, request by request: the input of `history-check.ts`. */
export type HistoryEvent = {
  session: string
  /** Who sent it: a tab of the honest user, or a thief. */
  client: string
  role: 'honest' | 'thief'
  /** Which server was asked; a restarted one counts as the same. */
  node: string
  /** `end`: anything by which the user ends the session (logout, password change). */
  operation: 'refresh' | 'validate' | 'end' | 'restore'
  /** Of the refresh token that was sent; −1 where none was. */
  generation: number
  key: string | null
  /** Milliseconds of a clock that never jumps. */
  sent: number
  /** Infinity when no answer came. */
  answered: number
  outcome: Outcome
}

export type Outcome =
  | { kind: 'tokens'; token: string; generation: number; accessToken: string }
  | { kind: 'ended'; reason: string }
  | { kind: 'superseded' }
  | { kind: 'done' }
  | { kind: 'refused'; status: number }
  /** The reply was lost: the server may have done it or not. */
  | { kind: 'unknown' }

type Sent = Omit<HistoryEvent, 'sent' | 'answered' | 'outcome'>

export class History {
  readonly events: HistoryEvent[] = []

  /** Sends by `send` and records how it went; a rejection is a lost reply. */
  async record(sent: Sent, send: () => Promise<Outcome>): Promise<Outcome> {
    const event: HistoryEvent = {
      ...sent,
      sent: performance.now(),
      answered: Number.POSITIVE_INFINITY,
      outcome: { kind: 'unknown' },
    }
    this.events.push(event)
    try {
      event.outcome = await send()
      event.answered = performance.now()
    } catch (error) {
      if (!isLostReply(error)) throw error
    }
    return event.outcome
  }
}

/** `fetch` rejects with a TypeError when the connection breaks, and with nothing else that is not a mistake of ours. */
function isLostReply(error: unknown): boolean {
  return (
    error instanceof TypeError &&
    error.message !== 'Invalid URL' &&
    (error.cause !== undefined || /terminated|fetch failed/.test(error.message))
  )
}

/** One line per event, in the order of sending: what a failing test prints. */
export function printHistory(events: HistoryEvent[]): string {
  const [first] = events
  return events
    .map((event) => {
      const start = (event.sent - first!.sent).toFixed(1)
      const end = (event.answered - first!.sent).toFixed(1)
      const { kind } = event.outcome
      const detail =
        event.outcome.kind === 'tokens'
          ? ` of generation ${event.outcome.generation}`
          : event.outcome.kind === 'ended'
            ? ` (${event.outcome.reason})`
            : ''
      return `${start}–${end} ms  ${event.client} at ${event.node}: ${event.operation} with ${event.generation}, key ${event.key?.slice(0, 6) ?? 'none'} → ${kind}${detail}`
    })
    .join('\n')
}
