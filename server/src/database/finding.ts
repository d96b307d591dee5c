/** Something that was looked at, for `ntt-auth doctor`. */
export type Finding = {
  level: 'ok' | 'warning' | 'problem'
  /** What was found, in a sentence. */
  says: string
  /** What to do about it. */
  remedy?: string
}

export const fine = (says: string): Finding => ({ level: 'ok', says })
export const warning = (says: string, remedy: string): Finding => ({ level: 'warning', says, remedy })
export const problem = (says: string, remedy: string): Finding => ({ level: 'problem', says, remedy })
