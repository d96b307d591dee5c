import { Type } from 'typebox'
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

export const resendVerificationRoute = route({
  summary: 'Mail another link to verify an address',
  description: 'It replaces earlier ones. Nothing is mailed to an address that is unknown or verified.',
  tag: 'Authentication',
  who: 'anyone',
  body: emailBody,
  example: { email: 'ada@example.com' },
  answers: accepted,
  errors: ['rate_limited', 'overloaded'],
  async handle({ app, act, body }) {
    await resendVerification(app, act, emailFrom(body.email))
    return { status: 202, body: { status: 'accepted' } }
  },
})

export const forgotPasswordRoute = route({
  summary: 'Mail a link to choose a new password',
  description: 'It replaces earlier ones and is good for an hour. Nothing is mailed to an address that is unknown.',
  tag: 'Authentication',
  who: 'anyone',
  body: emailBody,
  example: { email: 'ada@example.com' },
  answers: accepted,
  errors: ['rate_limited', 'overloaded'],
  async handle({ app, act, body }) {
    await forgotPassword(app, act, emailFrom(body.email))
    return { status: 202, body: { status: 'accepted' } }
  },
})

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
