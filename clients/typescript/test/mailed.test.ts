import { describe, expect, it } from '@jest/globals'
import { SessionEndedError } from '../src/index.ts'
import { ada, code, eventually, listenTo, loggedIn, world } from './support/setup.ts'

const renewed = 'a quieter engine of silk'

describe('what is finished by a mail', () => {
  it('a forgotten password is replaced, and every session ends', async () => {
    const { client, server, connect } = await loggedIn()
    const stranger = connect({ storageKey: 'other' })
    await stranger.forgotPassword({ email: ada.email })
    const { to, token } = server.mails[0]!
    expect(to).toBe(ada.email)
    await stranger.resetPassword({ token, new_password: renewed })
    expect(stranger.state.status).toBe('logged_out')
    await expect(client.refresh()).rejects.toThrow(SessionEndedError)
    expect(client.state).toMatchObject({ reason: 'password_changed' })
    expect(await code(client.login(ada))).toBe('invalid_credentials')
    await client.login({ email: ada.email, password: renewed })
    expect(await code(stranger.resetPassword({ token, new_password: renewed }))).toBe('invalid_one_time_token')
  })

  it('an unknown address is answered like a known one, and gets no mail', async () => {
    const { client, server } = world()
    await client.forgotPassword({ email: 'nobody@example.com' })
    await client.resendVerification({ email: 'nobody@example.com' })
    expect(server.mails).toEqual([])
  })

  it('a confirmed address shows in the profile', async () => {
    const { client, server } = await loggedIn()
    const seen = listenTo(client)
    await client.resendVerification({ email: ada.email })
    await client.verifyEmail({ token: server.mails[0]!.token })
    await eventually(() => seen.types().includes('user_updated'))
    expect(await client.getUser()).toMatchObject({ email_verified: true })
  })

  it('a changed address counts when the link to it was followed', async () => {
    const { client, server } = await loggedIn()
    const change = { new_email: 'lovelace@example.com', password: ada.password }
    expect(await code(client.changeEmail({ ...change, password: 'wrong' }))).toBe('invalid_password')
    await client.changeEmail(change)
    expect(await client.getUser({ fresh: true })).toMatchObject({ email: ada.email })
    await client.confirmEmail({ token: server.mails[0]!.token })
    expect(await client.getUser({ fresh: true })).toMatchObject({ email: change.new_email })
  })

  it('the mail is asked for again when an answer is lost, the token is sent once', async () => {
    const { client, server } = world()
    server.script('/v1/auth/forgot-password', { do: 'lose_reply' })
    await client.forgotPassword({ email: ada.email })
    expect(server.count('/v1/auth/forgot-password')).toBe(2)
    server.script('/v1/auth/reset-password', { do: 'lose_reply' })
    const { token } = server.mails.at(-1)!
    expect(await code(client.resetPassword({ token, new_password: renewed }))).toBe('network_unreachable')
    expect(server.count('/v1/auth/reset-password')).toBe(1)
  })
})
