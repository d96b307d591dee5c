import { refuseInsecure, type Settings, urlOf, wrong } from './options.ts'
import type { SessionRecord } from './session/record.ts'

/**
 * @param tokenFor a token to send; given one that was refused, another one of the same user, or that one again
 * @returns whatever the other side answers: a 401 only if a new token did not help, or the body could not be sent again
 */
export async function fetchWithToken(
  { apiOrigins, fetch }: Settings,
  tokenFor: (signal: AbortSignal | null | undefined, refused?: SessionRecord) => Promise<SessionRecord>,
  input: string | URL | Request,
  init?: RequestInit,
): Promise<Response> {
  const request = input instanceof Request ? input : undefined
  const url = urlOf(request?.url ?? (input as string | URL), 'fetch', globalThis.location?.href)
  refuseInsecure(url)
  if (apiOrigins?.includes(url.origin) === false) {
    throw wrong('fetch', 'one of apiOrigins', url.origin)
  }
  const signal = init?.signal ?? request?.signal
  const send = ({ at }: SessionRecord) => {
    const headers = new Headers(init?.headers ?? request?.headers)
    headers.set('authorization', `Bearer ${at}`)
    return fetch(input, { ...init, headers })
  }
  const token = await tokenFor(signal).catch((error) => {
    // As `fetch` has it.
    signal?.throwIfAborted()
    throw error
  })
  const response = await send(token)
  // RFC 6750 §3.1; a 401 of anybody else's making says nothing about our token.
  const challenge = response.headers.get('www-authenticate') ?? ''
  if (response.status !== 401 || !/(^|, *)Bearer .*\berror="?invalid_token\b/i.test(challenge)) return response
  // The caller asked another API: its answer counts. What became of the session, `onChange` tells.
  const next = await tokenFor(signal, token).catch(() => token)
  const body = init?.body
  // A stream is used up by the first try, a string is not.
  const isGone = request?.bodyUsed || body instanceof ReadableStream || Symbol.asyncIterator in Object(body)
  if (next.at === token.at || isGone) return response
  await response.body?.cancel()
  return send(next)
}
