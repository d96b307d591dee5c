import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { judgeRefresh, type RefreshVerdict } from '../../src/domain/sessions/judge-refresh.ts'
import { noRedeemers, pushRedeemer, traceOfKey } from '../../src/domain/sessions/redeemers.ts'
import { randomToken } from '../../src/random.ts'
import type { Opened } from './race-schedule.ts'

/** What a server may get wrong; `none` is the protocol as it should be. */
export type Flaw =
  | 'none'
  | 'the parent is never answered'
  | 'the parent is answered to anybody'
  | 'a grace on top'
  | 'old keys are forgotten'
  | 'the update is not guarded'
  | 'a retry gets a token of its own'
  | 'a logout is forgotten'
  | 'reuse does not end the session'
  | 'the generation may go back'

export type BrokenServer = { address: string; open(): Opened; close(): Promise<void> }

type Row = {
  generation: number
  redeemers: Buffer
  rotated_at: number
  idle_expires_at: number
  absolute_expires_at: number
  ended_at: number | null
  end_reason: string | null
}

/** A small server in memory that speaks the interface of the real one and has one flaw: proof that the checker sees it. */
export async function startBrokenServer(flaw: Flaw): Promise<BrokenServer> {
  const rows = new Map<string, Row>()
  // Tokens are not secret here: session, generation, and a mark where a flaw makes them differ.
  const mint = (id: string, generation: number) =>
    `${id}.${generation}.${flaw === 'a retry gets a token of its own' ? randomToken(6) : ''}`

  const refresh = async (token: string, key: string | null): Promise<[number, object]> => {
    const [id, text] = token.split('.') as [string, string]
    const generation = Number(text)
    for (;;) {
      const row = { ...rows.get(id)! }
      await turn()
      const verdict = spoil(judgeRefresh(row, generation, traceOfKey(key), key !== null, Date.now()), row, generation)
      const now = rows.get(id)!
      const tokens = (next: number) =>
        [200, { refresh_token: mint(id, next), generation: next, access_token: id }] as [number, object]
      if (verdict.kind === 'rotate' || verdict.kind === 'forward') {
        await turn()
        const moved = now.generation !== row.generation || now.ended_at !== null
        if (moved && flaw !== 'the update is not guarded') continue
        const pushed = pushRedeemer(row.redeemers, traceOfKey(key), generation - row.generation)
        now.redeemers = flaw === 'old keys are forgotten' ? onlyNewest(pushed) : pushed
        now.generation = generation + 1
        return tokens(generation + 1)
      }
      if (verdict.kind === 'repeat') {
        if (flaw === 'the generation may go back') now.generation = generation + 1
        return tokens(generation + 1)
      }
      if (verdict.kind === 'superseded') return [409, { code: 'refresh_superseded', session_ended: false }]
      if (verdict.kind === 'reuse' && flaw !== 'reuse does not end the session') {
        if (now.ended_at === null) Object.assign(now, { ended_at: Date.now(), end_reason: 'refresh_token_reuse' })
      }
      return [401, { session_ended: true, end_reason: now.end_reason ?? 'refresh_token_reuse' }]
    }
  }

  const spoil = (verdict: RefreshVerdict, row: Row, generation: number): RefreshVerdict => {
    const isParent = generation === row.generation - 1
    if (flaw === 'the parent is never answered' && verdict.kind === 'repeat') return { kind: 'reuse' }
    if (flaw === 'the parent is answered to anybody' && isParent && verdict.kind === 'reuse') return { kind: 'repeat' }
    if (flaw === 'a grace on top' && verdict.kind === 'reuse' && generation >= row.generation - 2)
      return { kind: 'repeat' }
    if (flaw === 'the generation may go back' && verdict.kind === 'superseded') return { kind: 'repeat' }
    return verdict
  }

  const answer = async (request: IncomingMessage): Promise<[number, object | null]> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {}
    if (request.url === '/v1/auth/refresh') {
      return refresh(body.refresh_token, (request.headers['refresh-key'] as string | undefined) ?? null)
    }
    if (request.url === '/v1/auth/logout') {
      const row = rows.get(body.refresh_token.split('.')[0])!
      if (flaw !== 'a logout is forgotten' && row.ended_at === null) {
        Object.assign(row, { ended_at: Date.now(), end_reason: 'logout' })
      }
      return [204, null]
    }
    const id = request.headers.authorization!.slice('Bearer '.length)
    return rows.get(id)!.ended_at === null ? [200, { active: true }] : [401, { code: 'token_revoked' }]
  }

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    void answer(request).then(([status, body]) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(body ? JSON.stringify(body) : undefined)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open() {
      const id = randomToken(9)
      const far = Date.now() + 3_600_000
      const row = { generation: 0, redeemers: noRedeemers, rotated_at: Date.now(), ended_at: null, end_reason: null }
      rows.set(id, { ...row, idle_expires_at: far, absolute_expires_at: far })
      return { id, token: `${id}.0.` }
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function onlyNewest(redeemers: Buffer): Buffer {
  return Buffer.concat([redeemers.subarray(0, 8), Buffer.alloc(redeemers.length - 8, 1)])
}
