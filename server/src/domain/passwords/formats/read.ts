import { argon2 } from './argon2.ts'
import { bcrypt } from './bcrypt.ts'
import { bcryptSha256 } from './bcrypt-sha256.ts'
import { betterAuth } from './better-auth.ts'
import { django } from './django.ts'
import { firebaseScrypt } from './firebase-scrypt.ts'
import { type Format, type Limits, type Recipe, storedLimits, type Unreadable } from './format.ts'
import { pbkdf2 } from './pbkdf2.ts'
import { phpass } from './phpass.ts'
import { scrypt } from './scrypt.ts'
import { wordpress } from './wordpress.ts'

const formats: Format[] = [
  bcryptSha256,
  bcrypt,
  argon2,
  pbkdf2,
  scrypt,
  firebaseScrypt,
  betterAuth,
  django,
  wordpress,
  phpass,
]

/** What a column of the database holds. */
const longest = 255

/** Takes a hash string apart without computing anything. */
export function readHash(text: string, limits: Limits = storedLimits): Recipe | Unreadable {
  if (text.length > longest) return 'unknown_format'
  for (const format of formats) {
    const recipe = format.read(text, limits)
    if (recipe !== null) return recipe
  }
  return 'unknown_format'
}
