/**
 * Runs as a process of its own: seals the signing keys by the newest master key, and is killed the hard way after the
 * statement it is told. Configured by the environment. Argument: the number of the statement.
 */
import { createApp } from '../../src/app.ts'
import { systemClock } from '../../src/clock.ts'
import { loadConfig } from '../../src/config/config.ts'
import { operatorAct } from '../../src/flows/acting.ts'
import { resealKeys } from '../../src/flows/tend-keys.ts'
import { createLog } from '../../src/log.ts'

const { config } = loadConfig({ env: process.env, flags: {} })
const app = await createApp(config, createLog('error'), systemClock)
const { observe } = app.meter
let seen = 0
app.meter.observe = (name, ...rest) => {
  observe(name, ...rest)
  if (name !== 'ntt_auth_db_query_duration_seconds') return
  if (++seen === Number(process.argv[2])) process.kill(process.pid, 'SIGKILL')
}
await resealKeys(app, operatorAct)
process.stdout.write(`${seen}\n`)
await app.close()
