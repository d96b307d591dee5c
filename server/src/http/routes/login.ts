import { Type } from 'typebox'
import { login } from '../../flows/login.ts'
import { checkPage, tokenInCookie, tokensAnswer } from '../cookies.ts'
import { deviceOf } from '../device.ts'
import { exampleTokens } from '../examples.ts'
import { Delivery, DeviceName, EarlierToken, Email, Password, Tokens } from '../fields.ts'
import { route } from '../route.ts'
import { emailFrom } from '../views.ts'

export const loginRoute = route({
  summary: 'Log in with e-mail and password',
  description:
    'Too many wrong passwords make further ones wait, whatever the password is then (429). Who sends a refresh token of ' +
    'an earlier session along does not wait because of what others tried: keep the last one of each account for this, ' +
    'also when its session has ended.',
  tag: 'Authentication',
  who: 'anyone',
  body: Type.Object(
    {
      email: Email,
      password: Password,
      device_name: Type.Optional(DeviceName),
      delivery: Type.Optional(Delivery),
      refresh_token: Type.Optional(EarlierToken),
    },
    { additionalProperties: false },
  ),
  example: { email: 'ada@example.com', password: 'engine of brass and steam', device_name: "Ada's laptop" },
  answers: { 200: { description: 'A new session.', schema: Tokens, example: exampleTokens } },
  errors: [
    'invalid_credentials',
    'account_disabled',
    'email_not_verified',
    'origin_not_allowed',
    'rate_limited',
    'overloaded',
  ],
  async handle(request) {
    const { app, body } = request
    if (body.delivery === 'cookie') checkPage(request)
    const device = deviceOf(request, body.device_name)
    const { password } = body
    const tokens = await login(app, request.act, {
      email: emailFrom(body.email),
      password,
      device,
      refreshToken: body.refresh_token ?? (body.delivery === 'cookie' ? tokenInCookie(request) : null),
      signal: request.signal,
    })
    return tokensAnswer(200, tokens, body.delivery ?? 'body')
  },
})
