import type { Tokens } from '../contract.ts'
import { parse } from '../session/record.ts'

const keptMs = 30_000
const most = 10_000
/** With less left, a token may expire on its way to whoever gets it. */
const leastSeconds = 10

type Answer = { tokens: Tokens; at: number }
const answers = new Map<string, Answer>()
/** Sessions and users that were logged out here, and when: what a refresh under way brings for them is not kept. */
const ended = new Map<string, number>()

/**
 * Keeps what a refresh brought for 30 seconds, by the token that was sent: requests of the same page that are a moment
 * late need not ask again. Data only, never a promise: some hosts let no request wait for another one's.
 * @param now milliseconds
 * @returns `shared`: another request brings the browser what it is to have: this answer, or the word that it was logged out
 */
export async function recentAnswer(
  token: string,
  now: () => number,
  ask: () => Promise<Response>,
): Promise<{ response: Response; shared: boolean }> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))
  const name = Array.from(new Uint8Array(digest), (each) => each.toString(16)).join('.')
  const known = answers.get(name)
  const aged = known && agedBy(known.tokens, now() - known.at)
  if (aged) return { response: tokensOf(JSON.stringify(aged)), shared: true }
  const asked = now()
  const response = await ask()
  if (response.status !== 200) return { response, shared: false }
  const text = await response.text()
  const tokens = parse(text) as Tokens | null
  sweep(now())
  const isOver = !!tokens?.user && (ended.has(tokens.session_id) || ended.get(tokens.user.id)! >= asked)
  if (tokens?.user && !isOver) answers.set(name, { tokens, at: asked })
  return { response: tokensOf(text), shared: isOver }
}

/**
 * Lets nobody have what was kept of a session, or of all of a user: whoever logs out is logged out.
 * @param id of either
 */
export function forgetAnswers(id: string, now: number): void {
  sweep(now)
  ended.set(id, now)
  for (const [name, { tokens }] of answers) {
    if (tokens.session_id === id || tokens.user.id === id) answers.delete(name)
  }
}

/** The answer as the server would word it so much later; null when it is of no use by then. */
function agedBy(tokens: Tokens, ms: number): Tokens | null {
  const seconds = ms / 1000
  if (ms < 0 || ms >= keptMs || tokens.expires_in - seconds < leastSeconds) return null
  return {
    ...tokens,
    expires_in: tokens.expires_in - seconds,
    ...(tokens.refresh_in !== undefined && { refresh_in: Math.max(0, tokens.refresh_in - seconds) }),
    refresh_expires_in: tokens.refresh_expires_in - seconds,
    server_time: new Date(Date.parse(tokens.server_time) + ms).toISOString(),
  }
}

function sweep(now: number): void {
  for (const [old, { at }] of answers) {
    if (now - at < keptMs && answers.size < most) break
    answers.delete(old)
  }
  for (const [old, at] of ended) {
    if (now - at < keptMs && ended.size < most) break
    ended.delete(old)
  }
}

function tokensOf(text: string): Response {
  return new Response(text, { headers: { 'content-type': 'application/json' } })
}
