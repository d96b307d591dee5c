import { AppError } from '../errors.ts'

/** What was found right before the transaction is no longer so inside it. */
export class ChangedMeanwhile extends Error {}

// Each round that fails was overtaken by a change of this very account.
const rounds = 3

/**
 * Passwords are hashed outside of transactions, so an account may change between the check of its password and what
 * the check was for. Such an attempt is judged anew.
 */
export async function judgeAnew<T>(attempt: () => Promise<T>): Promise<T> {
  for (let round = 1; round <= rounds; round++) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof ChangedMeanwhile)) throw error
    }
  }
  throw new AppError('overloaded', { retryAfter: 1, detail: 'The account is being changed too often at once.' })
}
