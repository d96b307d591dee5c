/** Controls (C0, C1, DEL) and marks that turn the direction of writing; line breaks and tabs are ours. */
const unsafe = /(?![\n\t])[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** What may stand in a file, a database or a setting can move the cursor, or recolour and rename what a terminal shows. */
export function forTerminal(text: string): string {
  return text.replaceAll(unsafe, (sign) => `\\u${sign.codePointAt(0)!.toString(16).padStart(4, '0')}`)
}
