/**
 * Makes `data/common-passwords.txt` from the frequency lists of two MIT-licensed packages:
 *
 *     npm pack zxcvbn@4.4.2 @zxcvbn-ts/language-common@4.1.3     (and unpack both)
 *     node server/scripts/make-common-passwords.ts <folder of zxcvbn> <folder of language-common>
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const shortest = 8

const [zxcvbn, languageCommon] = process.argv.slice(2)
if (zxcvbn === undefined || languageCommon === undefined) {
  console.error('usage: make-common-passwords.ts <folder of zxcvbn> <folder of @zxcvbn-ts/language-common>')
  process.exit(2)
}

const require = createRequire(import.meta.url)
const lists = require(resolve(zxcvbn, 'lib/frequency_lists.js')) as { passwords: string[] }
const newer = JSON.parse(readFileSync(resolve(languageCommon, 'src/passwords.json'), 'utf8')) as string[]

const folded = [...lists.passwords, ...newer].map((entry) => entry.normalize('NFC').toLowerCase())
const kept = folded.filter((entry) => [...entry].length >= shortest && !/\p{Cc}/u.test(entry))

// Sorted by bytes, as the binary search in `domain/passwords/common.ts` compares them.
const sorted = [...new Set(kept)].map((entry) => Buffer.from(entry)).sort(Buffer.compare)
const target = new URL('../data/common-passwords.txt', import.meta.url)
writeFileSync(target, `${sorted.map((entry) => entry.toString()).join('\n')}\n`)
console.log(`${sorted.length} passwords`)
