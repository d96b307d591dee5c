import { ConfigurationError } from '../errors/errors.ts'
import { generationOf, readRecord } from '../session/record.ts'
import type { SessionStorage } from '../storage/storage.ts'
import type { Sealer } from './seal.ts'

/** How the cookie is to be set; pass all of them on. */
export type CookieAttributes = {
  path: '/'
  httpOnly: true
  secure: boolean
  sameSite: 'lax'
  /** Seconds; 0 has the browser forget it. */
  maxAge: number
}

/** The cookies of one request and of its answer. Without `set`, or while `canWrite` says no, nothing is refreshed. */
export type Cookies = {
  /** The value that the browser sent; undefined where it sent none. */
  get(name: string): string | undefined
  /** Has the answer set it. Leave it out where cookies are read-only. */
  set?(name: string, value: string, attributes: CookieAttributes): void
  /** False once the headers are sent. */
  canWrite?(): boolean
}

/** What browsers keep at most of one cookie, with room for its attributes. */
const most = 3800

export type CookieStorage = SessionStorage & {
  canWrite(): boolean
  /** What comes next is for this request alone, and not for the browser: another answer brings it there. */
  keepToSelf(): void
  /** What kept the last write from being made. */
  failure(): ConfigurationError | null
}

/**
 * The session of one request: sealed in one cookie. The Refresh-Key is derived from the token it belongs to, so that two
 * requests that refresh at once store the same one, whichever answer the browser keeps.
 * @param touched called before each look (false) and each write (true): the answer is this user's alone
 * @param now milliseconds since 1970
 */
export function cookieStorage(
  cookies: Cookies,
  {
    name,
    secure,
    sealer,
    touched,
    now,
  }: { name: string; secure: boolean; sealer: Sealer; touched: (carriesIt: boolean) => void; now: () => number },
): CookieStorage {
  let current: Promise<string | null> | undefined
  let failure: ConfigurationError | null = null
  let toSelf = false
  const canWrite = () => cookies.set !== undefined && (cookies.canWrite?.() ?? true)
  const read = async () => {
    const value = cookies.get(name)
    return value ? sealer.unseal(value) : null
  }
  const write = (value: string, maxAge: number) => {
    if (value.length > most) throw failed('The session does not fit in a cookie; give the user fewer roles.')
    if (!canWrite())
      throw failed('The session cannot be written: the headers were sent, or cookies are read-only here.')
    touched(true)
    cookies.set!(name, value, { path: '/', httpOnly: true, secure, sameSite: 'lax', maxAge })
  }
  const failed = (message: string) => {
    failure = new ConfigurationError('config_invalid', message)
    return failure
  }
  return {
    kind: 'cookie',
    atomic: false,
    canWrite,
    failure: () => failure,
    keepToSelf() {
      toSelf = true
    },
    async get(key) {
      if (key !== 'login') return null
      touched(false)
      current ??= read()
      return current
    },
    async advance(key, text, gen) {
      if (key !== 'login') return true
      const before = await this.get(key)
      if (generationOf(before) >= gen) return false
      const { record } = readRecord(text)
      const isOwn = toSelf
      toSelf = false
      if (!record) {
        // What follows on an end has no place in a cookie that is gone.
        if (readRecord(before).record) write('', 0)
      } else {
        record.rk = await sealer.derive(record.rt!)
        if (!isOwn)
          write(await sealer.seal(JSON.stringify(record)), Math.max(0, Math.round(record.rexp - now() / 1000)))
      }
      current = Promise.resolve(record ? JSON.stringify(record) : text)
      return true
    },
  }
}
