/** A bare Fastify route that answers with as many bytes as `validate` does: node fastify.ts PORT BODY */
import fastify from 'fastify'

const [port, body] = process.argv.slice(2)
const answer = JSON.parse(body!)
const server = fastify({ logger: false })
server.get('/', () => answer)
server.get('/health/ready', () => ({ status: 'ready' }))
await server.listen({ port: Number(port), host: '127.0.0.1' })
