import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type App, createApp } from '../app.ts'
import { systemClock } from '../clock.ts'
import { type Config, misgivings } from '../config/config.ts'
import { createManagementServer } from '../http/management.ts'
import { createServer } from '../http/server.ts'
import { createLog } from '../log.ts'
import { startApp } from '../start.ts'
import { traceFields } from '../tracing/current.ts'
import { openTracing } from '../tracing/open.ts'
import { reloadOnHangup } from './asked-to-reload.ts'
import { askedToStop } from './asked-to-stop.ts'
import type { Command } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { configFrom, settingFlags } from './load-config.ts'
import { refuseArguments } from './no-arguments.ts'

export const command: Command = {
  summary: 'run the server',
  help: `Usage: ntt-auth serve [--port PORT] [--data-dir DIR] [--<setting> VALUE ...]

Runs the server until it gets SIGTERM or SIGINT; then it says "not ready", finishes
the requests it has, and stops. With --workers N it runs N processes behind one
port, replaces one that dies, and stops them together.

A stop takes NTT_AUTH_SHUTDOWN_DELAY and NTT_AUTH_SHUTDOWN_TIMEOUT at most. Asking again
changes nothing; SIGKILL stops it at once, and the requests under way are lost.

SIGHUP reads the log level anew from the configuration; every other setting needs a restart.
Where the server was started in a terminal, SIGHUP says that this is gone, and stops it.

Examples:
  ntt-auth serve
  ntt-auth serve --port 8081 --data-dir /var/lib/ntt-auth
  ntt-auth serve --config /etc/ntt-auth.json`,
  options: settingFlags,
  async run(invocation) {
    refuseArguments('serve', invocation.arguments)
    const config = configFrom(invocation)
    const log = createLog(config.logLevel, undefined, config.tracing ? traceFields : undefined)
    reloadOnHangup(log, () => configFrom(invocation))
    if (config.workers === 1) return serve(config, log, (running) => greet(config, [running], invocation.tell))
    const { leaveSupervisor, superviseWorkers, tellSupervisor, workerIndex } = await import('./supervise.ts')
    if (workerIndex() === null) {
      return superviseWorkers(config, log, (serving) => greet(config, serving, invocation.tell))
    }
    try {
      return await serve(config, log, tellSupervisor, workerIndex()!)
    } finally {
      leaveSupervisor()
    }
  },
}

type Serving = { serving: string; management: string }
type Running = Serving & { close(): Promise<void> }

/** Serves until a signal comes. @param index which of several workers this is, from 0 */
async function serve(config: Config, log: Logger, tell: (serving: Serving) => void, index = 0): Promise<number> {
  const app = await createApp(config, log, systemClock, await openTracing(config.tracing, log))
  const running = await start(app, index).catch(async (error) => {
    await app.close()
    throw error
  })
  tell({ serving: running.serving, management: running.management })
  await shutDown(app, running, await askedToStop(config, log))
  return exitCodes.ok
}

/** Everything between an opened app and a listening server. */
async function start(app: App, index: number): Promise<Running> {
  const { config } = app
  const stopFollowing = await startApp(app)
  const server = await createServer(app)
  const serving = await server.listen({ host: config.host, port: config.port }).catch(explain(config.host, config.port))
  const management = createManagementServer(app)
  // Each worker answers for itself, on a port of its own: behind a shared one nobody could tell whose figures they are.
  const managementPort = config.managementPort === 0 ? 0 : config.managementPort + index
  management.listen({ port: managementPort, host: config.managementHost, exclusive: true })
  await once(management, 'listening').catch(explain(config.managementHost, managementPort))
  const { port } = management.address() as AddressInfo
  // Now that somebody can call: what the first login or registration would otherwise wait for.
  void app.hasher.calibrate()
  return {
    serving,
    management: `http://${config.managementHost}:${port}`,
    async close() {
      stopFollowing()
      await server.close()
      management.close()
      management.closeAllConnections()
    },
  }
}

function explain(host: string, port: number) {
  return (error: Error & { code?: string }): never => {
    if (error.code === 'EADDRINUSE') throw new Error(`Something else listens on ${host}:${port}; choose another port.`)
    if (error.code === 'EACCES') throw new Error(`Port ${port} needs rights this process does not have.`)
    throw error
  }
}

function greet(config: Config, serving: Serving[], tell: (line: string) => void): void {
  for (const text of misgivings(config)) tell(`Warning: ${text}`)
  const address = serving[0]!.serving
  tell(`NTT Auth listens on ${address}`)
  if (serving.length > 1) {
    const listeners = serving.map(({ management }) => management).sort()
    tell(`  Workers         ${serving.length}, each with a management listener of its own: ${listeners.join(' ')}`)
  }
  tell(`  API reference   ${address}/docs`)
  tell(
    `  Data            ${config.embedded ? config.dataDir : 'in the database server; journal in '.concat(config.dataDir)}`,
  )
  tell('  First admin     npx ntt-auth create-admin --email you@example.com')
}

/** Says no, waits until balancers have heard it, finishes what is under way, closes; in any case in time. */
async function shutDown(app: App, running: Running, signal: string): Promise<void> {
  const log: Logger = app.log
  log.info({ event: 'stopping', signal })
  app.readiness.drain()
  const deadline = setTimeout(() => {
    log.error({ event: 'stopped_late' }, 'requests were still under way when the time for stopping was over')
    process.exit(exitCodes.failed)
  }, app.config.shutdownDelay + app.config.shutdownTimeout)
  await delay(app.config.shutdownDelay)
  await running.close()
  await app.close()
  clearTimeout(deadline)
  log.info({ event: 'stopped' })
}
