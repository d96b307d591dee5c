import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'

/** Lets pages of these origins call us from a browser; compared as whole strings. */
export async function allowOrigins(server: FastifyInstance, origins: readonly string[]): Promise<void> {
  await server.register(cors, {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'POST', 'PATCH', 'DELETE'],
    allowedHeaders: ['Authorization', 'Content-Type', 'Refresh-Key', 'X-Request-Id'],
    exposedHeaders: ['Retry-After', 'Date', 'X-Request-Id'],
    maxAge: 600,
    strictPreflight: false,
  })
}
