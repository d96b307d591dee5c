import { Type } from 'typebox'
import { resetPassword } from '../../flows/reset-password.ts'
import { exampleLink } from '../examples.ts'
import { OneTimeToken, Password } from '../fields.ts'
import { route } from '../route.ts'

export const resetPasswordRoute = route({
  summary: 'Choose a password by a one-time link',
  description:
    'Finishes an invitation or a password reset. No session is opened, and those there are end; a password that is ' +
    'refused leaves the token as it was.',
  tag: 'Authentication',
  who: 'anyone',
  body: Type.Object(
    {
      token: OneTimeToken,
      new_password: Password,
    },
    { additionalProperties: false },
  ),
  example: { token: exampleLink.token, new_password: 'a quieter engine of silk' },
  answers: { 204: { description: 'The password is set; log in with it.' } },
  errors: [
    'invalid_one_time_token',
    'password_too_short',
    'password_too_common',
    'password_too_similar',
    'rate_limited',
    'overloaded',
  ],
  async handle({ app, act, body, signal }) {
    await resetPassword(app, act, { token: body.token, newPassword: body.new_password, signal })
    return { status: 204 }
  },
})
