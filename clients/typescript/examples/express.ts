/** A service that knows its callers. `CLIENT_ID=… CLIENT_SECRET=… node express.ts` */
import express from 'express'
import { authOf, requireAuth } from 'ntt-auth-client/express'
import { createVerifier } from 'ntt-auth-client/verify'

const { ISSUER = 'http://127.0.0.1:8080', AUTH_URL = ISSUER, CLIENT_ID, CLIENT_SECRET, PORT = '8090' } = process.env

// The guard: these lines, and `requireAuth` in front of a route.
const credential = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, whenUnreachable: 'fail_closed' } as const
const verifier = createVerifier({ issuer: ISSUER, baseUrl: AUTH_URL, revocation: credential })
const app = express()
app.get('/notes', requireAuth(verifier), (request, response) => {
  response.json({ owner: authOf(request).userId, notes: [] })
})

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
})
