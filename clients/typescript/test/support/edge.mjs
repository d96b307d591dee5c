/** A worker of a CDN that renders for users and guards an API. Its parts are shared by all requests, as is usual there. */
import { createServerClient, webCookies } from 'ntt-auth-client/server'
import { createVerifier } from 'ntt-auth-client/verify'

const secret = 'a secret of thirty-two characters'
const issuer = 'https://auth.test'
let verifier

export default {
  async fetch(request, { AUTH: baseUrl }) {
    const { pathname } = new URL(request.url)
    const headers = new Headers()
    try {
      if (pathname === '/verify') {
        verifier ??= createVerifier({ issuer, baseUrl, revocation: 'none' })
        const { sid } = await verifier.verify(request.headers.get('authorization').replace('Bearer ', ''))
        return Response.json({ sid })
      }
      const auth = createServerClient({ baseUrl, secret, ...webCookies(request, headers) })
      if (pathname === '/login') await auth.login(await request.json())
      if (pathname === '/refresh') await auth.refresh()
      if (pathname === '/logout') await auth.logout()
      const session = await auth.getSession()
      return Response.json({ generation: session?.generation ?? null }, { headers })
    } catch (error) {
      return Response.json({ error: String(error), cause: String(error.cause) }, { status: 500, headers })
    }
  },
}
