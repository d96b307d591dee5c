import { AppError, type ErrorCode } from '../../errors.ts'
import { isCommonPassword } from './common.ts'
import { normalisePassword } from './normalise.ts'

/** In code points; in UTF-8 that is at most 1024 bytes. */
const longest = 256

export type PasswordRules = {
  /** In code points, after NFC. */
  minLength: number
  email: string
  name?: string | null | undefined
  /** The field to name in the refusal (RFC 6901). */
  pointer?: string
}

/**
 * Throws when somebody may not choose this password; otherwise returns it normalised. There are no composition
 * rules, and nothing is searched for inside the password (NIST SP 800-63B-4 §3.1.1.2).
 */
export function checkPassword(password: string, rules: PasswordRules): string {
  const pointer = rules.pointer ?? '/password'
  const refuse = (code: ErrorCode, fieldCode: string, detail: string): never => {
    throw new AppError(code, { detail, errors: [{ pointer, code: fieldCode, detail }] })
  }

  // Before anything walks through the text: a megabyte must cost nothing.
  if (password.length > 4 * longest) refuse('validation_failed', 'too_long', tooLong)
  const normal = normalisePassword(password, pointer)
  const length = countCodePoints(normal)
  if (length > longest) refuse('validation_failed', 'too_long', tooLong)
  if (length < rules.minLength) {
    refuse(
      'password_too_short',
      'too_short',
      `Use at least ${rules.minLength} characters (this has ${length}); a few unrelated words do well.`,
    )
  }
  if (isCommonPassword(normal) || isOneCharacter(normal)) {
    refuse('password_too_common', 'too_common', 'Attackers try this password first; choose one of your own making.')
  }
  if (isTheirs(normal, rules)) {
    refuse(
      'password_too_similar',
      'too_similar',
      'The password is the e-mail address or the name; choose one that cannot be looked up.',
    )
  }
  return normal
}

const tooLong = `Use at most ${longest} characters.`

function countCodePoints(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

/** However often: "aaaaaaaaaaaa" is among the first guesses at any length, eight spaces are too. */
function isOneCharacter(text: string): boolean {
  return new Set(text.toLowerCase()).size === 1
}

function isTheirs(password: string, { email, name }: PasswordRules): boolean {
  const local = email.slice(0, Math.max(email.lastIndexOf('@'), 0))
  return [email, local, name ?? ''].some((known) => known !== '' && fold(known) === fold(password))
}

function fold(text: string): string {
  return text.trim().toLowerCase().normalize('NFC')
}
