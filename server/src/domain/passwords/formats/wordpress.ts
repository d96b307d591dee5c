import { createHmac } from 'node:crypto'
import { bcrypt } from './bcrypt.ts'
import type { Format } from './format.ts'

/** `$wp$2y$…`: WordPress from 6.8 on, bcrypt over 64 characters of base64. */
export const wordpress: Format = {
  read(text, limits) {
    if (!text.startsWith('$wp$2y$')) return null
    const recipe = bcrypt.read(text.slice('$wp'.length), limits)
    if (recipe === null || recipe === 'too_costly') return recipe
    return {
      ...recipe,
      reads: Number.POSITIVE_INFINITY,
      call: (password) => recipe.call(createHmac('sha384', 'wp-sha384').update(password).digest('base64')),
    }
  },
}
