import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after } from 'node:test'
import { command } from '../../src/cli/users.ts'
import type { TestServer } from '../support/server.ts'
import { testMasterKey } from '../support/server.ts'

export const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-import-'))
after(() => rmSync(directory, { recursive: true, force: true }))
export const hash = '$2b$04$YMK7kB0TEX.jJMK2mDO50uzS5qm81vzCI0DXwKUx6R8EcyLaNxPQG'
export const password = 'correct horse battery staple'

export type Options = Record<string, string | boolean>
export type Row = Record<string, unknown>

let files = 0
export function write(name: string, text: string): string {
  const path = join(directory, `${++files}-${name}`)
  writeFileSync(path, text)
  return path
}
export const ndjson = (rows: Row[]) =>
  write('rows.ndjson', rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n'))
export const reportAt = (path: string) =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

/** `ntt-auth users …` on a database. */
export async function run(url: string, args: string[], options: Options = {}, stdin: Iterable<Buffer> | object = []) {
  const [out, err]: string[][] = [[], []]
  const code = await command.run({
    options,
    arguments: args,
    env: {
      NTT_AUTH_DATABASE_URL: url,
      NTT_AUTH_DATA_DIR: directory,
      NTT_AUTH_MASTER_KEY: testMasterKey,
      NTT_AUTH_PUBLIC_URL: 'https://auth.example.com',
      NTT_AUTH_PASSWORD_HASH: 'argon2id',
    },
    stdin: Readable.from(stdin as Iterable<Buffer>) as unknown as NodeJS.ReadStream,
    print: (line) => out!.push(line),
    tell: (line) => err!.push(line),
  })
  return { code, out: out!.join('\n'), err: err!.join('\n') }
}

export const countUsers = async (server: TestServer) =>
  (await server.app.database.db.selectFrom('users').select('id').execute()).length
