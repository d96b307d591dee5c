import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts'

/** The SMTP server in a process of its own, which tells of each mail as soon as it has it whole. */
export type SinkProcess = Pick<SmtpSink, 'port' | 'authority'> & {
  /** The Message-ID of every mail, in the order of their arrival. */
  received: string[]
  /** Resolves when so many have arrived, the repeated ones counted. */
  hasReceived(count: number): Promise<void>
  close(): Promise<void>
}

type Said = { listening: Pick<SmtpSink, 'port' | 'authority'> } | { messageId: string }

const patience = 60_000
const file = fileURLToPath(import.meta.url)

/** @param pause milliseconds before it says that it has taken a message */
export async function startSinkProcess(pause: number): Promise<SinkProcess> {
  const child: ChildProcess = fork(file, [String(pause)], { execArgv: [] })
  const received: string[] = []
  const [first] = (await once(child, 'message')) as [Said & { listening: SinkProcess }]
  child.on('message', (said: Said) => {
    if ('messageId' in said) received.push(said.messageId)
  })
  return {
    ...first.listening,
    received,
    async hasReceived(count) {
      const deadline = performance.now() + patience
      while (received.length < count) {
        if (performance.now() > deadline) throw new Error(`${received.length} of ${count} mails have arrived.`)
        await delay(5)
      }
    },
    async close() {
      const gone = once(child, 'exit')
      child.kill()
      await gone
    },
  }
}

if (process.argv[1] === file && process.send) {
  const say = (said: Said) => process.send!(said)
  const sink = await startSmtpSink()
  sink.pause = Number(process.argv[2])
  sink.onReceived = ({ messageId }) => say({ messageId })
  say({ listening: { port: sink.port, authority: sink.authority } })
  process.once('disconnect', () => process.exit())
}
