import type { ServerCode } from '../errors/codes.ts'
import { accountOf } from './accounts.ts'
import { problem } from './answers.ts'
import { sessionIn } from './sessions.ts'
import type { Account, Guesses, MockSession, World } from './world.ts'

/** The server's own figures (`docs/throttling.md`). */
const free = 5
const firstWait = 30_000
const longestWait = 3_600_000
const most = 80
const mostOfDevices = 20
const day = 86_400_000

/** Who guesses: strangers, all together by the address; or a device that has shown to be the user's, by itself. */
export type Guesser = { address: string } | { device: MockSession }

/** Whether a name makes wait, and how many of its wrong guesses are judged at most. */
type Counted = { name: string; most: number; waits: boolean }

/**
 * Lets a password be looked at, unless there were too many wrong ones. It counts as wrong before it is looked at, as on
 * the server; a right one makes all forgotten.
 * @param policy names the limit in the answer
 */
export async function guessing(
  world: World,
  policy: 'login' | 'current_password',
  guesser: Guesser,
  look: () => Response | Promise<Response>,
): Promise<Response> {
  if (!world.rateLimits) return look()
  const counted = countedOf(guesser)
  const before = counted.map(({ name }) => known(world, name))
  for (const [index, each] of counted.entries()) {
    const wait = waitOf(before[index]!, each, world.now())
    if (wait > 0) return refusal(world, `${policy}-${'device' in guesser ? 'device' : 'account'}`, wait)
  }
  for (const [index, { name }] of counted.entries()) {
    world.guesses.set(name, { failures: before[index]!.failures + 1, lastAt: world.now() })
  }
  const answer = await look()
  const { code } = answer.ok ? {} : ((await answer.clone().json()) as { code?: ServerCode })
  if (answer.ok) for (const { name } of counted) world.guesses.delete(name)
  // It was not wrong, only of no use.
  else if (code !== 'invalid_credentials' && code !== 'invalid_password') {
    for (const { name } of counted)
      world.guesses.set(name, { ...known(world, name), failures: known(world, name).failures - 1 })
  }
  return answer
}

function countedOf(guesser: Guesser): Counted[] {
  if ('address' in guesser) return [{ name: ofStrangers(guesser.address), most, waits: true }]
  const { id, userId } = guesser.device
  return [
    { name: `device ${id}`, most: Number.POSITIVE_INFINITY, waits: true },
    { name: ofDevices(userId), most: mostOfDevices, waits: false },
  ]
}

const ofStrangers = (address: string) => `account ${address}`
const ofDevices = (userId: string) => `devices ${userId}`

function known({ guesses, now }: World, name: string): Guesses {
  const { failures, lastAt } = guesses.get(name) ?? { failures: 0, lastAt: now() }
  const remembered = failures >= most ? Number.POSITIVE_INFINITY : failures < free ? 7 * day : 30 * day
  return now() - lastAt < remembered ? { failures, lastAt } : { failures: 0, lastAt: now() }
}

/** How long the next guess has to wait; milliseconds. */
function waitOf({ failures, lastAt }: Guesses, { most, waits }: Omit<Counted, 'name'>, now: number): number {
  if (failures >= most) return Number.POSITIVE_INFINITY
  if (failures < free || !waits) return 0
  const wait = Math.min(longestWait, firstWait * 2 ** (failures - free))
  return Math.max(0, lastAt + wait - now)
}

function refusal(world: World, name: string, wait: number): Response {
  const after = Math.ceil(Math.min(wait, longestWait) / 1000)
  const headers = { 'ratelimit-policy': `"${name}";q=${free}`, ratelimit: `"${name}";r=0;t=${after}` }
  const forever = wait === Number.POSITIVE_INFINITY && { retryable: false }
  return problem(world, 'rate_limited', { retry_after: after, ...forever }, headers)
}

/** The session that a refresh token shows, where it makes its device known: of this user, and not ended for a bad reason. */
export function knownDevice(world: World, address: string, token: string | null | undefined): MockSession | null {
  const session = token && world.sessions.get(sessionIn(token))
  const account = session && accountOf(world, session.userId)
  if (!account || account.user.email !== address) return null
  const isTrusted = session.ended === null || (session.ended === 'logout' && session.createdAt >= account.passwordSince)
  return isTrusted && known(world, ofDevices(session.userId)).failures < mostOfDevices ? session : null
}

/** Nobody has to wait any longer. */
export function forgetGuesses({ guesses }: World, { user }: Account): void {
  guesses.delete(ofStrangers(user.email))
  guesses.delete(ofDevices(user.id))
}

/** Those of strangers. */
export function guessesAt(world: World, { user }: Account): Guesses {
  return known(world, ofStrangers(user.email))
}

type Lock = { reason: 'wrong_passwords' | 'too_many_wrong_passwords'; failures: number; until: number | null }

/** Why no password is taken from strangers now. */
export function lockOf(world: World, account: Account): Lock | null {
  const guesses = guessesAt(world, account)
  const { failures } = guesses
  const wait = world.rateLimits ? waitOf(guesses, { most, waits: true }, world.now()) : 0
  if (wait === Number.POSITIVE_INFINITY) return { reason: 'too_many_wrong_passwords', failures, until: null }
  return wait > 0 ? { reason: 'wrong_passwords', failures, until: world.now() + wait } : null
}
