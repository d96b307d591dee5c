import { argon2 } from './argon2.ts'
import { bcrypt } from './bcrypt.ts'
import { bcryptSha256 } from './bcrypt-sha256.ts'
import { type Format, type Limits, type Recipe, storedLimits, type Unreadable } from './format.ts'

const formats: Format[] = [bcryptSha256, bcrypt, argon2]

/** Takes a hash string apart without computing anything. */
export function readHash(text: string, limits: Limits = storedLimits): Recipe | Unreadable {
  for (const format of formats) {
    const recipe = format.read(text, limits)
    if (recipe !== null) return recipe
  }
  return 'unknown_format'
}
