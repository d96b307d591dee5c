import { randomBytes } from 'node:crypto'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { databases, freshDatabase } from '../../server/test/support/databases.ts'
import type { Bench, Measurement, Row } from '../support/bench.ts'
import { startServer, type Target } from '../support/processes.ts'
import { prepareStage } from '../support/stage.ts'

const chains = 24
/** Keys change as often as the settings allow, and verifiers keep the key set for as long as they may. */
const rotation = { KEY_ROTATION_INTERVAL: '2500ms', KEY_PUBLISH_AHEAD: '2500ms', JWKS_MAX_AGE: '1s' }

export const rotating: Measurement = {
  name: 'rotation',
  about: 'signing keys change every few seconds while everybody refreshes and validates',
  async run(bench) {
    const rows: Omit<Row, 'others'>[] = []
    // An embedded database has one node, the others have two.
    for (const { name, available } of databases) {
      if (available) rows.push(await measure(bench, name, name === 'SQLite' ? 1 : 2))
    }
    return rows
  },
}

async function measure(bench: Bench, name: Parameters<typeof freshDatabase>[0], count: number) {
  const { url, drop } = await freshDatabase(name)
  const settings = {
    DATABASE_URL: url,
    MASTER_KEY: randomBytes(32).toString('base64url'),
    AUTO_MIGRATE: 'on',
    PASSWORD_HASH: 'argon2id',
    ...rotation,
  }
  const nodes: Target[] = []
  try {
    const { refreshTokens } = await prepareStage(bench.newDirectory(), settings, { users: chains, accessTokens: 0 })
    for (let node = 0; node < count; node++) nodes.push(await startServer(bench.newDirectory(), settings))
    const tally = { kids: new Set<string>(), checked: 0, verified: 0, tokens: 0, wrong: 0, complaint: '' }
    const end = performance.now() + bench.seconds(60) * 1000
    await Promise.all(refreshTokens.map((token, index) => runChain(nodes, index, token, tally, end)))
    const nodesText = count === 1 ? 'one node' : `${count} nodes`
    return {
      what: `keys change every 3 s, ${nodesText} on ${name}: good tokens refused`,
      unit: '%' as const,
      value: (100 * tally.wrong) / (tally.checked + tally.verified),
      spread: null,
      target: { atMost: 0 },
      peer: '',
      detail:
        `${tally.wrong} of ${tally.checked} by nodes and ${tally.verified} by a verifier with its own key set; ` +
        `${tally.tokens} tokens by ${tally.kids.size} keys ${tally.complaint}`.trim(),
    }
  } finally {
    for (const node of nodes) await node.stop()
    await drop()
  }
}

type Tally = { kids: Set<string>; checked: number; verified: number; tokens: number; wrong: number; complaint: string }

/** A session that goes on and on: each token is shown to another node at once, and again when it is older. */
async function runChain(nodes: Target[], index: number, first: string, tally: Tally, end: number): Promise<void> {
  const verify = patientVerifier(nodes[index % nodes.length]!)
  const kept: string[] = []
  let refreshToken = first
  for (let turn = index; performance.now() < end; turn++) {
    const node = nodes[turn % nodes.length]!
    const other = nodes[(turn + 1) % nodes.length]!
    const answer = await fetch(`${node.address}/v1/auth/refresh`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'refresh-key': randomBytes(16).toString('base64url') },
      body: JSON.stringify({ refresh_token: refreshToken }),
    })
    if (answer.status !== 200) throw new Error(`A refresh was answered ${answer.status}: ${await answer.text()}`)
    const { access_token, refresh_token } = (await answer.json()) as { access_token: string; refresh_token: string }
    refreshToken = refresh_token
    kept.push(access_token)
    tally.tokens++
    const { kid } = JSON.parse(Buffer.from(access_token.split('.')[0]!, 'base64url').toString())
    tally.kids.add(kid)
    const old = kept[Math.floor(Math.random() * kept.length)]!
    for (const [target, token] of [
      [other, access_token],
      [node, old],
      [other, old],
    ] as const) {
      tally.checked++
      const { status } = await fetch(`${target.address}/v1/auth/validate`, {
        headers: { authorization: `Bearer ${token}` },
      })
      if (status !== 200) complain(tally, `a node answered ${status}`)
    }
    for (const token of [access_token, old]) {
      tally.verified++
      await verify(token).catch((error) => complain(tally, String(error)))
    }
  }
}

function complain(tally: Tally, complaint: string): void {
  tally.wrong++
  tally.complaint ||= `(${complaint})`
}

/** Keeps a key set for as long as its Cache-Control says and never asks before that, whatever it meets. */
function patientVerifier(node: Target) {
  let known: { set: ReturnType<typeof createLocalJWKSet>; until: number } | null = null
  return async (token: string) => {
    if (known === null || performance.now() >= known.until) {
      const asked = performance.now()
      const answer = await fetch(`${node.address}/.well-known/jwks.json`)
      const age = Number(/max-age=(\d+)/.exec(answer.headers.get('cache-control') ?? '')?.[1])
      known = { set: createLocalJWKSet((await answer.json()) as JSONWebKeySet), until: asked + age * 1000 }
    }
    await jwtVerify(token, known.set)
  }
}
