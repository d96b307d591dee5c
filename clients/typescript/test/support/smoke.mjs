/** What every runtime must do with the package as it is published. `smoke.mjs DIRECTORY` */
import { AuthClient } from 'ntt-auth-client'
import { createAdmin } from 'ntt-auth-client/admin'
import { fileStorage } from 'ntt-auth-client/file'
import { createServerClient, webCookies } from 'ntt-auth-client/server'
import { mockAuthServer, virtualClock } from 'ntt-auth-client/testing'
import { createVerifier } from 'ntt-auth-client/verify'

const clock = virtualClock()
const server = mockAuthServer({ clock })
const ada = { email: 'ada@example.com', password: 'engine of brass and steam' }
server.addUser(ada)
const storage = fileStorage({ path: `${process.argv[2]}/login.json` })
const auth = new AuthClient({ baseUrl: server.issuer, fetch: server.fetch, clock, storage })
await auth.login(ada)
server.script('/v1/auth/refresh', { do: 'lose_reply' })
await clock.advance(3_600_000)
const tokens = await Promise.all(Array.from({ length: 20 }, () => auth.getAccessToken()))
const verifier = createVerifier({ issuer: server.issuer, revocation: 'none', fetch: server.fetch, now: clock.wall })
const { sid } = await verifier.verify(tokens[0])
const again = new AuthClient({ baseUrl: server.issuer, fetch: server.fetch, clock, storage })
const session = await again.getSession()
const refreshes = server.count('/v1/auth/refresh')

const answer = new Headers()
const site = { baseUrl: server.issuer, secret: 'a secret of thirty-two characters', fetch: server.fetch, clock }
await createServerClient({ ...site, ...webCookies(new Request('https://app.test/'), answer) }).login(ada)
const cookie = answer.getSetCookie()[0].split(';')[0]
const request = new Request('https://app.test/', { headers: { cookie } })
const rendered = (await createServerClient({ ...site, ...webCookies(request, new Headers()) }).getSession()) !== null

const users = []
const page = async () => Response.json({ items: [{ id: '1' }], next_cursor: null })
const admin = createAdmin({ baseUrl: server.issuer, as: { accessToken: tokens[0] }, fetch: page })
for await (const user of admin.users.list()) users.push(user)

const kept = session.id === sid
console.log(JSON.stringify({ tokens: new Set(tokens).size, refreshes, kept, rendered, users: users.length }))
