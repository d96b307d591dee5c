/** Durable commits of one changed row each, as fast as the disk takes them: what refresh on SQLite is measured by. */
import BetterSqlite from 'better-sqlite3'

export type CommitsQuestion = { path: string; seconds: number }

process.on('message', ({ path, seconds }: CommitsQuestion) => {
  const database = new BetterSqlite(path)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.exec(`create table if not exists sessions (id text primary key, generation integer, redeemers blob,
    rotated_at integer, last_used_at integer, idle_expires_at integer, last_ip text)`)
  const rows = 64
  const insert = database.prepare("insert or replace into sessions values (?, 0, zeroblob(64), 0, 0, 0, '127.0.0.1')")
  for (let row = 0; row < rows; row++) insert.run(`0192-${row}`)
  const update = database.prepare('update sessions set generation = generation + 1, last_used_at = ? where id = ?')
  const start = performance.now()
  let count = 0
  while (performance.now() - start < seconds * 1000) update.run(Date.now(), `0192-${count++ % rows}`)
  process.send!({ rate: (count / (performance.now() - start)) * 1000 })
  database.close()
})
