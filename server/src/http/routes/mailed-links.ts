import { Type } from 'typebox'
import type { App } from '../../app.ts'
import type { Act } from '../../flows/acting.ts'
import { confirmEmailChange } from '../../flows/change-email.ts'
import { forgotPassword } from '../../flows/forgot-password.ts'
import { resendVerification, verifyEmail } from '../../flows/verify-email.ts'
import { exampleLink } from '../examples.ts'
import { Email, OneTimeToken, OnItsWay } from '../fields.ts'
import { route } from '../route.ts'
import { emailFrom } from '../views.ts'

const tokenBody = Type.Object({ token: OneTimeToken }, { additionalProperties: false })
const emailBody = Type.Object({ email: Email }, { additionalProperties: false })
const accepted = {
  202: { description: 'The same for every address.', schema: OnItsWay, example: { status: 'accepted' } },
}

export const verifyEmailRoute = route({
  summary: 'Verify an e-mail address',
  description: 'By the token of the mailed link; once. An account that waited for this may log in.',
  tag: 'Authentication',
  who: 'anyone',
  body: tokenBody,
  example: { token: exampleLink.token },
  answers: { 204: { description: 'The address is verified.' } },
  errors: ['invalid_one_time_token', 'rate_limited'],
  async handle({ app, act, body }) {
    await verifyEmail(app, act, body.token)
    return { status: 204 }
  },
})

/** Mails to an address whose owner is not told of to anybody: the answer is the same for all. */
function mailing(summary: string, description: string, work: (app: App, act: Act, email: string) => Promise<void>) {
  return route({
    summary,
    description,
    tag: 'Authentication',
    who: 'anyone',
    body: emailBody,
    example: { email: 'ada@example.com' },
    answers: accepted,
    errors: ['rate_limited', 'overloaded'],
    async handle({ app, act, body }) {
      await work(app, act, emailFrom(body.email))
      return { status: 202, body: { status: 'accepted' } }
    },
  })
}

export const resendVerificationRoute = mailing(
  'Mail another link to verify an address',
  'It replaces earlier ones; within ten minutes of the last one nothing is mailed, nor to an address that is unknown or ' +
    'verified.',
  resendVerification,
)

export const forgotPasswordRoute = mailing(
  'Mail a link to choose a new password',
  'It replaces earlier ones and is good for an hour; within ten minutes of the last one nothing is mailed, nor to an ' +
    'address that is unknown.',
  forgotPassword,
)

export const confirmEmailRoute = route({
  summary: 'Confirm a new e-mail address',
  description: 'By the token of the mailed link; once. The former address is told.',
  tag: 'Profile',
  who: 'anyone',
  body: tokenBody,
  example: { token: exampleLink.token },
  answers: { 204: { description: 'The account has the new address.' } },
  errors: ['invalid_one_time_token', 'rate_limited'],
  async handle({ app, act, body }) {
    await confirmEmailChange(app, act, body.token)
    return { status: 204 }
  },
})
