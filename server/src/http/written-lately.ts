/**
 * Remembers the text that was written for an object until the second is over: whoever asks again and again within it,
 * as a busy service does, gets the same text, and nobody's is kept for longer.
 * @returns the text for `subject`: from memory, or by `write`. @param now milliseconds since 1970
 */
export function writtenLately<Subject extends object>(): (
  subject: Subject,
  now: number,
  write: (subject: Subject) => string,
) => string {
  let second = 0
  let texts = new Map<Subject, string>()
  return (subject, now, write) => {
    if (Math.floor(now / 1000) !== second) {
      second = Math.floor(now / 1000)
      texts = new Map()
    }
    let text = texts.get(subject)
    if (text === undefined) {
      text = write(subject)
      texts.set(subject, text)
    }
    return text
  }
}
