/** What every runtime must do with the package as it is published. `smoke.mjs DIRECTORY` */
import { AuthClient } from 'ntt-auth-client'
import { fileStorage } from 'ntt-auth-client/file'
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
console.log(JSON.stringify({ tokens: new Set(tokens).size, refreshes, kept: session.id === sid }))
