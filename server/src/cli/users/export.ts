import type { App } from '../../app.ts'
import { toRfc3339 } from '../../clock.ts'
import { type Exported, exportUsers } from '../../flows/export-users.ts'
import { importFields } from '../../http/import-row.ts'
import type { Invocation } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { openOutput } from '../open-output.ts'
import { UsageError } from '../usage-error.ts'
import { formatOf } from './import.ts'
import { guarded } from './read-csv.ts'

const tellEvery = 2000

/** Writes every user as "users import" reads them. */
export async function exportToFile(app: App, invocation: Invocation): Promise<number> {
  const { options, tell } = invocation
  const to = options.to
  if (typeof to !== 'string' || to === '')
    throw new UsageError('Say where to: ntt-auth users export --to FILE, or --to -.')
  const format = options.format === undefined && to === '-' ? 'ndjson' : formatOf(to, options.format)
  const withHashes = options['with-password-hashes'] === true
  const columns = importFields.filter((field) => withHashes || field !== 'password_hash')
  const out = await openOutput(invocation, to)
  if (format === 'csv') await out.write(columns.join(','))
  let [count, told] = [0, performance.now()]
  for await (const portion of exportUsers(app, withHashes)) {
    const rows = portion.map((each) => (format === 'csv' ? asCsv(viewOf(each), columns) : JSON.stringify(viewOf(each))))
    await out.write(rows.join('\n'))
    count += portion.length
    if (performance.now() - told < tellEvery) continue
    told = performance.now()
    tell(`${count} users so far`)
  }
  await out.close()
  tell(`${count} users exported to ${to === '-' ? 'standard output' : to}.`)
  if (!withHashes && count > 0) tell('Without their passwords: --with-password-hashes writes the hashes too.')
  return exitCodes.ok
}

/** What is empty is left out, as in a file that somebody wrote by hand. */
function viewOf({ user, hash }: Exported): Record<string, unknown> {
  return {
    id: user.id,
    email: user.email,
    ...(hash !== null && { password_hash: hash }),
    email_verified: user.emailVerified,
    ...(user.name !== null && { name: user.name }),
    ...(user.locale !== null && { locale: user.locale }),
    ...(user.roles.length > 0 && { roles: user.roles }),
    // Without its password nobody is active where the file is read.
    ...(hash !== null || user.status !== 'active' ? { status: user.status } : {}),
    ...(Object.keys(user.metadata).length > 0 && { metadata: user.metadata }),
    created_at: toRfc3339(user.createdAt),
    ...(user.lastLoginAt !== null && { last_login_at: toRfc3339(user.lastLoginAt) }),
    ...(user.deletionDueAt !== null && { deletion_due_at: toRfc3339(user.deletionDueAt) }),
    ...(user.unconfirmedSince !== null && { unconfirmed_since: toRfc3339(user.unconfirmedSince) }),
  }
}

function asCsv(view: Record<string, unknown>, columns: string[]): string {
  return columns.map((column) => quoted(textOf(view[column]))).join(',')
}

function textOf(value: unknown): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.join(',')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function quoted(text: string): string {
  const safe = guarded(text)
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
