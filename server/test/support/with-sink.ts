import { after, before } from 'node:test'
import type { Flow } from '../flows/flow-server.ts'
import { startTestServer, type TestServer } from './server.ts'
import { type SmtpSink, sinkUrl, startSmtpSink } from './smtp-sink.ts'

export type Mailing = { sink: SmtpSink; node: TestServer }

/** A mail server for a suite, and a node of its flow that hands mail to it; both are there once the suite has begun. */
export function withSink(flow: Flow, settings: Record<string, string> = {}): Mailing {
  const mailing = {} as Mailing
  before(async () => {
    mailing.sink = await startSmtpSink()
    mailing.node = await startTestServer(flow.url, {
      clock: flow.server.clock,
      settings: { SMTP_URL: sinkUrl(mailing.sink), ...settings },
    })
  })
  after(async () => {
    await mailing.node?.close()
    await mailing.sink?.close()
  })
  return mailing
}
