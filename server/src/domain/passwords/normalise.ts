import { AppError } from '../../errors.ts'

/**
 * The one form in which a password is measured, compared and hashed: NFC (NIST SP 800-63B-4 §3.1.1.2), so that a
 * letter typed as one or as two code points is the same password. Nothing is trimmed, and case is kept.
 * @param pointer the field to name in the refusal (RFC 6901)
 */
export function normalisePassword(password: string, pointer = '/password'): string {
  // Encoders turn every unpaired surrogate into the same U+FFFD: two different passwords would hash alike.
  if (!password.isWellFormed()) {
    throw refused(pointer, 'ill_formed', 'The password holds half a character; type it again.')
  }
  // A NUL ends the password in many C implementations of bcrypt; the others cannot be typed.
  if (/\p{Cc}/u.test(password)) {
    throw refused(pointer, 'control_character', 'Leave out control characters such as tabs and line breaks.')
  }
  return password.normalize('NFC')
}

function refused(pointer: string, code: string, detail: string): AppError {
  return new AppError('validation_failed', { errors: [{ pointer, code, detail }] })
}
