/** Reads server-sent events as the standard says (WHATWG HTML §9.2), to hold our writing of them against. */

export type Event = { type: string; id: string; data: string }

export type EventReader = {
  status: number
  headers: Headers
  /** What came so far. */
  events: Event[]
  comments: string[]
  /** Resolves when the server closed the stream in order, rejects when the connection broke. */
  ended: Promise<void>
  hangUp(): void
}

export async function readEvents(url: string, headers: Record<string, string>): Promise<EventReader> {
  const controller = new AbortController()
  const response = await fetch(url, { headers, signal: controller.signal })
  const reader: EventReader = {
    status: response.status,
    headers: response.headers,
    events: [],
    comments: [],
    ended: read(),
    hangUp: () => controller.abort(),
  }
  // Whoever does not wait for the end does not mind how it comes.
  reader.ended.catch(() => {})
  return reader

  async function read(): Promise<void> {
    await Promise.resolve()
    let rest = ''
    let event: Event = { type: '', id: '', data: '' }
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + piece).split('\n')
      rest = lines.pop()!
      for (const line of lines) {
        if (line.startsWith(':')) reader.comments.push(line.slice(1).trim())
        else if (line !== '') {
          const [, field, value] = /^(\w+): ?(.*)$/.exec(line) ?? []
          if (field === 'event') event.type = value!
          if (field === 'id') event.id = value!
          if (field === 'data') event.data += value!
        } else {
          if (event.data !== '') reader.events.push(event)
          event = { type: '', id: event.id, data: '' }
        }
      }
    }
  }
}
