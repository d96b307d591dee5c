import { createHash } from 'node:crypto'
import { argon2 } from './argon2.ts'
import { bcrypt } from './bcrypt.ts'
import type { Format } from './format.ts'

/** What Django puts its own name in front of: `bcrypt$$2b$…`, `bcrypt_sha256$$2b$…`, `argon2$argon2id$…`. */
export const django: Format = {
  read(text, limits) {
    if (text.startsWith('bcrypt$')) return bcrypt.read(text.slice('bcrypt$'.length), limits)
    if (text.startsWith('argon2$')) return argon2.read(text.slice('argon2'.length), limits)
    if (!text.startsWith('bcrypt_sha256$')) return null
    const recipe = bcrypt.read(text.slice('bcrypt_sha256$'.length), limits)
    if (recipe === null || recipe === 'too_costly') return recipe
    return {
      ...recipe,
      reads: Number.POSITIVE_INFINITY,
      call: (password) => recipe.call(createHash('sha256').update(password).digest('hex')),
    }
  },
}
