/** No line of the server's comes near it. */
const longestLine = 65_536

export type ServerEvent = { event: string; data: string; id: string | undefined }

/** The events of a `text/event-stream`; a comment is an event without a name, because it shows that somebody is there. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder()
  let buffer = ''
  let fields: { event?: string; id?: string; data: string[] } = { data: [] }
  for await (const piece of body) {
    buffer += decoder.decode(piece, { stream: true })
    const lines = buffer.split(/\r\n|\n|\r(?!$)/)
    // A carriage return at the end may be half of a line break.
    buffer = lines.pop()!
    if (buffer.length > longestLine) throw new Error('This is no stream of events: a line has no end.')
    for (const line of lines) {
      if (line === '') {
        const { event = 'message', data, id } = fields
        if (data.length > 0 || id !== undefined) yield { event, data: data.join('\n'), id }
        fields = { data: [] }
        continue
      }
      const [, name, value = ''] = /^([^:]*):? ?(.*)$/s.exec(line)!
      if (name === 'data') fields.data.push(value)
      else if (name === 'event' || name === 'id') fields[name] = value
      else if (name === '') yield { event: '', data: '', id: undefined }
    }
  }
}
