import { Type } from 'typebox'
import type { App } from '../../app.ts'
import { AppError } from '../../errors.ts'
import type { Act } from '../../flows/acting.ts'
import { confirmEmailChange } from '../../flows/change-email.ts'
import { resetPassword } from '../../flows/reset-password.ts'
import { verifyEmail } from '../../flows/verify-email.ts'
import { exampleLink } from '../examples.ts'
import { OneTimeToken, Password } from '../fields.ts'
import { askPage, type Complaint, donePage, type Journey, journeyPolicy, languageFrom } from '../journey-pages.ts'
import { type Asked, route } from '../route.ts'

/** Pages for mailed links, where the app has none: opening one changes nothing, its form does. */

const html = 'text/html; charset=utf-8'
const page = (status: number, body: string) => ({
  status,
  body,
  headers: {
    'content-type': html,
    'content-security-policy': journeyPolicy,
    'cross-origin-opener-policy': 'same-origin',
  },
})

const asked = { 200: { description: 'A page with a form, without scripts.', contentType: html } }
const told = {
  200: { description: 'A page that says that it is done.', contentType: html },
  400: { description: 'A page that says that the link is no good.', contentType: html },
  422: { description: 'The form again, with what is wrong with the password.', contentType: html },
}
// Mailers and browsers hang parameters of their own on links, such as utm_source: they change nothing.
const query = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 200, description: 'the token of the link.' }) },
  { additionalProperties: true },
)
const form = 'application/x-www-form-urlencoded' as const

function asking(journey: Journey, summary: string) {
  return route({
    summary,
    description: 'Where a mailed link leads without APP_URL. Opening it changes nothing.',
    tag: 'Authentication',
    who: 'anyone',
    query,
    answers: asked,
    errors: [],
    errorPage: errorPageOf(journey),
    handle: ({ header, query }) => page(200, askPage(journey, languageFrom(header('accept-language')), query.token)),
  })
}

export const verifyEmailPageRoute = asking('verify-email', 'The page to verify an address')
export const resetPasswordPageRoute = asking('reset-password', 'The page to choose a password')
export const confirmEmailPageRoute = asking('confirm-email', 'The page to confirm a new address')

/** What a person can mend, from what the server said; null for the rest. */
function complaintOf({ code, details }: AppError): Complaint | null {
  if (details.retryAfter !== undefined) return details.retryAfter
  if (code === 'invalid_one_time_token') return 'noGood'
  if (code === 'password_too_short') return 'tooShort'
  if (code === 'password_too_common' || code === 'password_too_similar') return 'again'
  if (code !== 'validation_failed') return null
  const refusals = details.errors ?? []
  // What somebody hung on the address of the form says nothing of the link, and the form shown again goes without it.
  if (refusals.some(({ pointer }) => pointer.startsWith('/query/') && pointer !== '/query/token')) return null
  const atPassword = refusals.find(({ pointer }) => pointer === '/new_password')
  if (!atPassword || refusals.length > 1) return 'noGood'
  if (atPassword.code === 'too_long' || atPassword.code === 'maxLength') return 'tooLong'
  return atPassword.code === 'minLength' || atPassword.code === 'required' ? 'empty' : 'signs'
}

/** Somebody in front of a browser gets a page for every error, with the form to go on where there is a token. */
function errorPageOf(journey: Journey) {
  return (error: AppError, { header, body, query }: Asked) => {
    const { token } = { ...(query as object), ...(body as object) } as { token?: unknown }
    const complaint = complaintOf(error) ?? 'failed'
    return page(
      error.status,
      askPage(journey, languageFrom(header('accept-language')), typeof token === 'string' ? token : '', complaint),
    )
  }
}

/** Does it, and says so in a page; also what the person can mend. */
async function finish({ header }: Pick<Asked, 'header'>, journey: Journey, token: string, work: () => Promise<void>) {
  const language = languageFrom(header('accept-language'))
  try {
    await work()
    return page(200, donePage(journey, language))
  } catch (error) {
    const complaint = error instanceof AppError ? complaintOf(error) : null
    // Who is to wait is told by the error itself, with its headers.
    if (complaint === null || typeof complaint === 'number') throw error
    return page((error as AppError).status, askPage(journey, language, token, complaint))
  }
}

const tokenForm = Type.Object({ token: OneTimeToken })

function confirming(journey: Journey, summary: string, work: (app: App, act: Act, token: string) => Promise<void>) {
  return route({
    summary,
    tag: 'Authentication',
    who: 'anyone',
    bodyType: form,
    body: tokenForm,
    errorPage: errorPageOf(journey),
    example: { token: exampleLink.token },
    answers: { 200: told[200], 400: told[400] },
    errors: ['rate_limited'],
    handle: ({ app, act, body, header }) => finish({ header }, journey, body.token, () => work(app, act, body.token)),
  })
}

export const verifyEmailFormRoute = confirming('verify-email', 'The form that verifies an address', verifyEmail)
export const confirmEmailFormRoute = confirming(
  'confirm-email',
  'The form that confirms a new address',
  confirmEmailChange,
)

export const resetPasswordFormRoute = route({
  summary: 'The form that sets a password',
  tag: 'Authentication',
  who: 'anyone',
  bodyType: form,
  body: Type.Object({ token: OneTimeToken, new_password: Password }),
  errorPage: errorPageOf('reset-password'),
  example: { token: exampleLink.token, new_password: 'a quieter engine of silk' },
  answers: told,
  errors: ['rate_limited', 'overloaded'],
  handle: ({ app, act, body, header, signal }) =>
    finish({ header }, 'reset-password', body.token, () =>
      resetPassword(app, act, { token: body.token, newPassword: body.new_password, signal }),
    ),
})
