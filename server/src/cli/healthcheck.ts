import type { Command } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { configFrom, settingFlags } from './load-config.ts'
import { refuseArguments } from './no-arguments.ts'
import { reachable } from './reachable.ts'

/** Milliseconds; the server itself gives up on its database after two seconds. */
const patience = 3000

export const command: Command = {
  summary: 'ask a running server on this machine whether it is ready',
  help: `ntt-auth healthcheck [--json] [--<setting> VALUE]

Asks /health/ready of the management listener (NTT_AUTH_MANAGEMENT_HOST and _PORT) and prints the answer. Exit 0 when the
server is ready, 1 when it is not or does not answer. Made for images without a shell and for container health checks.

  --json              print an object
  --config FILE       the JSON file with settings, instead of NTT_AUTH_CONFIG_FILE
  --<setting> VALUE   any setting that is no secret; "ntt-auth help settings" lists them

Examples:
  ntt-auth healthcheck
  ntt-auth healthcheck --management-port 9091 --json`,
  options: { ...settingFlags, json: { type: 'boolean' } },
  async run(invocation) {
    refuseArguments('healthcheck', invocation.arguments)
    const { managementHost, managementPort } = configFrom(invocation)
    const answer = await ask(`http://${reachable(managementHost)}:${managementPort}/health/ready`)
    if (invocation.options.json) invocation.print(JSON.stringify(answer, null, 2))
    else invocation.print([answer.status.replace('_', ' '), ...answer.reasons].join(': '))
    return answer.status === 'ready' ? exitCodes.ok : exitCodes.failed
  },
}

type Health = { status: 'ready' | 'not_ready' | 'silent'; reasons: string[] }

async function ask(url: string): Promise<Health> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(patience) })
    const { reasons = [] } = (await response.json()) as { reasons?: string[] }
    return { status: response.status === 200 ? 'ready' : 'not_ready', reasons }
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string } }
    return { status: 'silent', reasons: [`nothing answers at ${url} (${cause?.code ?? message})`] }
  }
}
