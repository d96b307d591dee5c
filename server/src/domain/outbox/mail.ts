/** Every mail that this server writes, and what its templates may name. */
export const mails = {
  'verify-email': ['link', 'hours'],
  'address-in-use': [],
  'reset-password': ['link', 'hours'],
  invitation: ['link', 'hours'],
  'confirm-email': ['link', 'hours'],
  'email-change-started': ['new_email'],
  'email-changed': ['new_email'],
  'password-changed': ['time', 'ip'],
  'account-deleted': ['time', 'ip'],
  'new-device': ['time', 'ip', 'device'],
  'login-after-failures': ['failures', 'time', 'ip', 'device'],
  'deletion-planned': ['due'],
  'deletion-cancelled': ['time', 'ip', 'device'],
  'session-ended': ['time', 'ip', 'device'],
} as const satisfies Record<string, readonly string[]>

export type MailName = keyof typeof mails
export const mailNames = Object.keys(mails) as MailName[]

/** What every template may name besides. */
export const commonFields = ['name', 'email', 'service'] as const

/** Text for each field; what is empty or left out is not shown. */
export type MailData = { [field: string]: string }

/** A mail as a flow asks for it. */
export type Mail = {
  [Name in MailName]: {
    to: string
    template: Name
    /** The language of who gets it, as far as it is known. */
    locale: string | null
    data: { [Field in (typeof mails)[Name][number]]: string } & { name?: string }
    /** From then on it would be of no use; milliseconds since 1970. */
    expiresAt: number
  }
}[MailName]

/** States in which a mail may still be worth a look; those that were sent are too many to be counted each time. */
export const unsentStates = ['waiting', 'held', 'failed'] as const

/** The recipient of mail that is written for show, and sent to no one (`flows/pretend-mail.ts`). */
export const nobody = ''
