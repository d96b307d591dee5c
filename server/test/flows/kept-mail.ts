import { listMail } from '../../src/domain/outbox/store.ts'
import { openMail } from '../../src/flows/queue-mail.ts'
import type { TestServer } from '../support/server.ts'
import { eventually } from './flow-server.ts'

export type Kept = {
  id: string
  template: string
  link: string
  locale: string | null
  new_email: string
  name: string
  device: string
  ip: string
}

/** Mail to an address, the newest first, with what it says; once everything that answers left behind is done. */
export async function mailTo(server: TestServer, email: string): Promise<Kept[]> {
  await eventually(() => server.app.afterwards.waiting === 0)
  const rows = await listMail(server.app.database.db, undefined, 500)
  return rows
    .filter(({ recipient }) => recipient === email)
    .map((row) => ({ id: row.id, template: row.template, locale: row.locale, ...openMail(server.app, row) }) as Kept)
}

export const tokenIn = ({ link }: Kept) => /token=(ntto_[\w-]{43})$/.exec(link)![1]!
