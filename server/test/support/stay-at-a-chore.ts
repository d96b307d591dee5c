/**
 * Runs as a process of its own: takes the turn of a chore like any node, says so, and stays at it until it is killed.
 * Configured by the environment. Argument: the name of the chore.
 */
import { createApp } from '../../src/app.ts'
import { inTurn } from '../../src/chores/in-turn.ts'
import { systemClock } from '../../src/clock.ts'
import { loadConfig } from '../../src/config/config.ts'
import { createLog } from '../../src/log.ts'

const { config } = loadConfig({ env: process.env, flags: {} })
const app = await createApp(config, createLog('error'), systemClock)
await inTurn(app, process.argv[2]!, async () => {
  process.stdout.write('at it\n')
  await new Promise((resolve) => setTimeout(resolve, 60_000))
})
