/** A service that knows its callers. `CLIENT_ID=… CLIENT_SECRET=… node fastify.ts` */
import fastify from 'fastify'
import { authOf, requireAuth } from 'ntt-auth-client/fastify'
import { createVerifier } from 'ntt-auth-client/verify'

const { ISSUER = 'http://127.0.0.1:8080', AUTH_URL = ISSUER, CLIENT_ID, CLIENT_SECRET, PORT = '8090' } = process.env

// The guard: these lines, and `requireAuth` in front of a route.
const credential = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, whenUnreachable: 'fail_closed' } as const
const verifier = createVerifier({ issuer: ISSUER, baseUrl: AUTH_URL, revocation: credential })
const app = fastify()
app.get('/notes', { preHandler: requireAuth(verifier) }, async (request) => ({
  owner: authOf(request).userId,
  notes: [],
}))

console.log(await app.listen({ port: Number(PORT), host: '127.0.0.1' }))
