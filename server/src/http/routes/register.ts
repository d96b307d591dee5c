import { Type } from 'typebox'
import { register } from '../../flows/register.ts'
import { checkPage, tokensAnswer } from '../cookies.ts'
import { deviceOf } from '../device.ts'
import { exampleTokens } from '../examples.ts'
import { Delivery, DeviceName, Email, Locale, Name, OnItsWay, Password, Tokens } from '../fields.ts'
import { route } from '../route.ts'
import { emailFrom } from '../views.ts'

export const registerRoute = route({
  summary: 'Register a new user',
  description:
    'Makes the account and logs it in. Where the address must be verified first (EMAIL_VERIFICATION) the answer is 202, ' +
    'also for an address that has an account: its owner is told by mail.',
  tag: 'Authentication',
  who: 'anyone',
  body: Type.Object(
    {
      email: Email,
      password: Password,
      name: Type.Optional(Name),
      locale: Type.Optional(Locale),
      device_name: Type.Optional(DeviceName),
      delivery: Type.Optional(Delivery),
    },
    { additionalProperties: false },
  ),
  example: { email: 'ada@example.com', password: 'engine of brass and steam', name: 'Ada', locale: 'en' },
  answers: {
    201: { description: 'The new user, logged in.', schema: Tokens, example: exampleTokens },
    202: { description: 'Mail is on its way.', schema: OnItsWay, example: { status: 'verification_required' } },
  },
  errors: [
    'email_taken',
    'registration_closed',
    'origin_not_allowed',
    'password_too_short',
    'password_too_common',
    'password_too_similar',
    'rate_limited',
    'overloaded',
  ],
  async handle(request) {
    const { app, body } = request
    if (body.delivery === 'cookie') checkPage(request)
    const tokens = await register(app, request.act, {
      email: emailFrom(body.email),
      password: body.password,
      name: body.name ?? null,
      locale: body.locale ?? null,
      device: deviceOf(request, body.device_name),
      signal: request.signal,
    })
    if (tokens === null) return { status: 202, body: { status: 'verification_required' } }
    return tokensAnswer(201, tokens, body.delivery ?? 'body')
  },
})
