import type { App } from '../app.ts'
import { deliverDueMail, measureMail } from '../flows/deliver-mail.ts'
import { byTheClock } from './by-the-clock.ts'

/** How often a node looks for mail that another one wrote, or that is to be tried again; its own it sends at once. */
const look = 2000

/** Sends what waits in the outbox, on every node. @returns how to stop */
export function deliverMailByTheClock(app: App): () => void {
  const { smtp } = app.mail
  let under: Promise<void> | null = null
  let again = false
  const deliver = async (stopped: () => boolean) => {
    if (smtp) while (!stopped() && (await deliverDueMail(app, smtp, stopped))) {}
    await measureMail(app)
  }
  const stopLooking = byTheClock(app, { name: 'deliver_mail', interval: look, run: (stopped) => once(stopped) })
  let gone = false

  /** One run at a time; who asks during one gets another afterwards. */
  function once(stopped: () => boolean): Promise<void> {
    again = under !== null
    under ??= deliver(stopped).finally(() => {
      under = null
      if (again && !gone) wake()
    })
    return under
  }
  function wake(): void {
    if (gone || !smtp) return
    app.later(() => once(() => gone).catch(() => undefined))
  }
  app.mail.onWake(wake)
  return () => {
    gone = true
    stopLooking()
  }
}
