import { type Format, ownBytes, unpadded } from './format.ts'

/** `$P$<log2 rounds, salt, digest>`: WordPress before 6.8, and as `$H$` phpBB. MD5, many times over. */
const shape = /^\$[PH]\$([./0-9A-Za-z])([./0-9A-Za-z]{8})([./0-9A-Za-z]{22})$/
const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** More than a password may have here. Each of the rounds reads it anew, and what it takes must be bounded. */
const longestPassword = 1024
const fewest = 7
const most = 30

export const phpass: Format = {
  read(text, limits) {
    const [, letter, salt, digest] = shape.exec(text) ?? []
    if (digest === undefined) return null
    const doublings = alphabet.indexOf(letter!)
    if (doublings < fewest || doublings > most) return null
    const rounds = 2 ** doublings
    if (rounds > limits.phpassRounds) return 'too_costly'
    return {
      work: { kind: 'phpass', units: rounds },
      reads: longestPassword,
      isAsWanted: () => false,
      call: (password) => ({ kind: 'phpass', password: ownBytes(password, longestPassword), salt: salt!, rounds }),
      digest: unpadded(bytesOf(digest)),
    }
  },
}

/** Three bytes are four letters, the lowest six bits first. */
function bytesOf(text: string): Buffer {
  const bytes = []
  for (let place = 0; place < text.length; place += 4) {
    const letters = [...text.slice(place, place + 4)].map((letter) => alphabet.indexOf(letter))
    const value = letters.reduce((sum, each, index) => sum | (each << (6 * index)), 0)
    bytes.push(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff)
  }
  return Buffer.from(bytes.slice(0, 16))
}
