import { Type } from 'typebox'
import type { App } from '../../app.ts'
import { AppError, type ErrorCode } from '../../errors.ts'
import type { Act } from '../../flows/acting.ts'
import { confirmEmailChange } from '../../flows/change-email.ts'
import { resetPassword } from '../../flows/reset-password.ts'
import { verifyEmail } from '../../flows/verify-email.ts'
import { exampleLink } from '../examples.ts'
import { OneTimeToken, Password } from '../fields.ts'
import { askPage, type Complaint, donePage, type Journey, journeyPolicy, languageFrom } from '../journey-pages.ts'
import { type RequestContext, route } from '../route.ts'

/** Pages for mailed links, where the app has none: opening one changes nothing, its form does. */

const html = 'text/html; charset=utf-8'
const page = (status: number, body: string) => ({
  status,
  body,
  headers: { 'content-type': html, 'content-security-policy': journeyPolicy },
})

const asked = { 200: { description: 'A page with a form, without scripts.', contentType: html } }
const told = {
  200: { description: 'A page that says that it is done.', contentType: html },
  400: { description: 'A page that says that the link is no good.', contentType: html },
  422: { description: 'The form again, with what is wrong with the password.', contentType: html },
}
const query = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 200, description: 'the token of the link.' }) },
  { additionalProperties: false },
)
const form = 'application/x-www-form-urlencoded' as const
type Asked = Pick<RequestContext<unknown, unknown, unknown>, 'header'>

function asking(journey: Journey, summary: string) {
  return route({
    summary,
    description: 'Where a mailed link leads without APP_URL. Opening it changes nothing.',
    tag: 'Authentication',
    who: 'anyone',
    query,
    answers: asked,
    errors: [],
    handle: ({ header, query }) => page(200, askPage(journey, languageFrom(header('accept-language')), query.token)),
  })
}

export const verifyEmailPageRoute = asking('verify-email', 'The page to verify an address')
export const resetPasswordPageRoute = asking('reset-password', 'The page to choose a password')
export const confirmEmailPageRoute = asking('confirm-email', 'The page to confirm a new address')

const complaints: Partial<Record<ErrorCode, Complaint>> = {
  invalid_one_time_token: 'noGood',
  password_too_short: 'tooShort',
  password_too_common: 'again',
  password_too_similar: 'again',
  validation_failed: 'again',
}

/** Does it, and says so in a page; also what the person can mend. */
async function finish({ header }: Asked, journey: Journey, token: string, work: () => Promise<void>) {
  const language = languageFrom(header('accept-language'))
  try {
    await work()
    return page(200, donePage(journey, language))
  } catch (error) {
    const complaint = error instanceof AppError ? complaints[error.code] : undefined
    if (complaint === undefined) throw error
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
  example: { token: exampleLink.token, new_password: 'a quieter engine of silk' },
  answers: told,
  errors: ['rate_limited', 'overloaded'],
  handle: ({ app, act, body, header, signal }) =>
    finish({ header }, 'reset-password', body.token, () =>
      resetPassword(app, act, { token: body.token, newPassword: body.new_password, signal }),
    ),
})
