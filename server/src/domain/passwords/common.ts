import { readFileSync } from 'node:fs'
import { packageFile } from '../../package-file.ts'

const newline = 0x0a
let list: Buffer | undefined

/** Reads the list now rather than at the first new password. */
export function loadCommonPasswords(): void {
  // One buffer searched in place: a Set of as many strings takes ten times the memory.
  list ??= readFileSync(packageFile('data/common-passwords.txt'))
}

/** Whether the whole password, in whatever case, is one that attackers try first. */
export function isCommonPassword(password: string): boolean {
  loadCommonPasswords()
  return holdsLine(list!, Buffer.from(password.toLowerCase().normalize('NFC')))
}

function holdsLine(lines: Buffer, wanted: Buffer): boolean {
  let low = 0
  let high = lines.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const start = middle === 0 ? 0 : lines.lastIndexOf(newline, middle - 1) + 1
    const end = lines.indexOf(newline, start)
    const order = wanted.compare(lines, start, end)
    if (order === 0) return true
    if (order < 0) high = start
    else low = end + 1
  }
  return false
}
