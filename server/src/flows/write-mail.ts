import type { App } from '../app.ts'
import { lives, type OneTimeToken, type Purpose } from '../domain/links/create.ts'
import type { User } from '../domain/users/user.ts'
import type { Act } from './acting.ts'
import { linkOf } from './one-time-link.ts'
import type { Mail } from './queue-mail.ts'

const hour = 60 * 60 * 1000
const noticeLife = 3 * 24 * hour

export type Addressee = Pick<User, 'email' | 'name' | 'locale' | 'emailVerified'>

const templates = {
  invitation: 'invitation',
  password_reset: 'reset-password',
  email_verification: 'verify-email',
  email_change: 'confirm-email',
} as const satisfies Record<Purpose, Mail['template']>

/** The mail that carries a one-time link. */
export function linkMail(app: App, purpose: Purpose, to: Addressee, token: OneTimeToken): Mail {
  const data = { link: linkOf(app, purpose, token).link, hours: String(lives[purpose] / hour) }
  const named = purpose === 'invitation' ? { name: to.name ?? '' } : greeting(to)
  return {
    to: to.email,
    template: templates[purpose],
    locale: to.locale,
    data: { ...data, ...named },
    expiresAt: token.expiresAt,
  }
}

type Notices = Extract<
  Mail['template'],
  'password-changed' | 'account-deleted' | 'new-device' | 'session-ended' | 'deletion-cancelled'
>
type Circumstances = { ip: string | null; device?: string | null }

/** A mail that tells what happened to an account, in case it was somebody else. */
export function noticeMail(app: App, template: Notices, to: Addressee, about: Circumstances): Mail {
  const data = dataOf(app, to, about)
  return { to: to.email, template, locale: to.locale, data, expiresAt: app.clock.now() + noticeLife }
}

function dataOf(app: App, to: Addressee, { ip, device = null }: Circumstances) {
  const named = to.emailVerified ? (device ?? '').slice(0, 200) : ''
  return { time: inWords(app.clock.now()), ip: ip ?? '', device: named, ...greeting(to) }
}

/** Somebody logged in after so many wrong passwords that it had to wait: perhaps the last guess was right. */
export function guessedNotice(app: App, to: Addressee, about: Circumstances, failures: number): Mail {
  const data = { ...dataOf(app, to, about), failures: String(failures) }
  const expiresAt = app.clock.now() + noticeLife
  return { to: to.email, template: 'login-after-failures', locale: to.locale, data, expiresAt }
}

/** To who has deleted its account: until when a login keeps it. */
export function deletionNotice(app: App, to: Addressee, dueAt: number): Mail {
  const data = { due: inWords(dueAt), ...greeting(to) }
  const expiresAt = Math.min(dueAt, app.clock.now() + noticeLife)
  return { to: to.email, template: 'deletion-planned', locale: to.locale, data, expiresAt }
}

function inWords(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** To the present address: it is about to change, or has changed. @param newEmail empty where it is not to be told */
export function addressNotice(
  app: App,
  template: 'email-change-started' | 'email-changed',
  to: Addressee,
  newEmail: string,
): Mail {
  const expiresAt = app.clock.now() + noticeLife
  return {
    to: to.email,
    template,
    locale: to.locale,
    data: { new_email: newEmail, ...greeting(to) },
    expiresAt,
  }
}

/** To the owner of an address that somebody wanted to use. */
export function addressInUse(app: App, to: Pick<Addressee, 'email' | 'locale'>): Mail {
  return {
    to: to.email,
    template: 'address-in-use',
    locale: to.locale,
    data: {},
    expiresAt: app.clock.now() + noticeLife,
  }
}

/** The same, of a change that the user makes itself: to an address that nobody has confirmed it could say anything. */
export function addressNoticeByUser(
  app: App,
  template: 'email-change-started' | 'email-changed',
  to: Addressee,
  newEmail: string,
): Mail {
  return addressNotice(app, template, to, to.emailVerified ? newEmail : '')
}

/**
 * Who registers an address may be a stranger to its owner: what it calls itself, its device or its new address must not
 * come as mail from us.
 */
function greeting({ name, emailVerified }: Addressee): { name?: string } {
  return emailVerified && name !== null ? { name } : {}
}

/** Whether a link that somebody makes for a user is mailed to it; who sits at the machine hands it over in person. */
export function travelsByMail(app: App, { actor }: Act): boolean {
  return app.mail.smtp !== null && actor.kind !== 'operator'
}
