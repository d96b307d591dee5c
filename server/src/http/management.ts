import { createServer, type Server } from 'node:http'
import type { App } from '../app.ts'
import { metricsPage } from './metrics-page.ts'

/** The operator's own listener: loopback unless told otherwise, and free to say why. */
export function createManagementServer(app: App): Server {
  const metrics = metricsPage(app)
  return createServer(async (request, response) => {
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
      response.end(request.method === 'HEAD' ? undefined : JSON.stringify(body))
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, { error: 'Only GET here.' })
    if (request.url === '/health/live') return answer(200, { status: 'live' })
    if (request.url === '/metrics') {
      const { type, text } = await metrics()
      response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' })
      response.end(request.method === 'HEAD' ? undefined : text)
      return
    }
    if (request.url !== '/health/ready') {
      return answer(404, { error: 'Here are /health/live, /health/ready and /metrics.' })
    }
    const { ready, reasons } = await app.readiness.check()
    return answer(ready ? 200 : 503, { status: ready ? 'ready' : 'not_ready', reasons })
  })
}
