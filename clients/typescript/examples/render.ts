/** Pages that are rendered on a server, for whoever is logged in. `SESSION_SECRET=… node render.ts` */
import { createServer } from 'node:http'
import { createServerClient, nodeCookies } from 'ntt-auth-client/server'

const { AUTH_URL = 'http://127.0.0.1:8080', SESSION_SECRET = '', PORT = '8091' } = process.env

const form = `<form method="post" action="/login">
  <label>E-mail <input name="email" type="email" required></label>
  <label>Password <input name="password" type="password" required></label>
  <button>Log in</button>
</form>`
const page = (body: string) => `<!doctype html><html lang="en"><title>Notes</title>${body}</html>`
const inHtml = (text: string) => text.replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`)

const server = createServer(async (request, response) => {
  // One client for each request. `secure: false` because this example is served without https.
  const cookies = nodeCookies(request, response)
  const auth = createServerClient({ baseUrl: AUTH_URL, secret: SESSION_SECRET, secure: false, ...cookies })
  const seeOther = (path: string) => response.writeHead(303, { location: path }).end()
  try {
    if (request.method === 'POST' && request.headers['sec-fetch-site'] === 'cross-site') {
      return void response.writeHead(403).end()
    }
    if (request.method === 'POST' && request.url === '/login') {
      const fields = new URLSearchParams(Buffer.concat(await request.toArray()).toString())
      await auth.login({ email: fields.get('email') ?? '', password: fields.get('password') ?? '' })
      return void seeOther('/')
    }
    if (request.method === 'POST' && request.url === '/logout') {
      await auth.logout()
      return void seeOther('/')
    }
    response.setHeader('content-type', 'text/html; charset=utf-8')
    if (!(await auth.getSession())) return void response.end(page(form))
    const { email } = await auth.getUser()
    response.end(
      page(`<p>The notes of ${inHtml(email)}.</p><form method="post" action="/logout"><button>Log out</button></form>`),
    )
  } catch (error) {
    response.statusCode = 400
    response.end(page(`<p>${inHtml((error as Error).message)}</p>${form}`))
  }
})
server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
})
