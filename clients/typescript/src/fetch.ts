import { misconfigured, refuseInsecure, type Settings } from './options.ts'

/**
 * @param tokenFor a token to send; given one that was refused, another
 * @returns whatever the other side answers: a 401 only if a new token did not help, or the body could not be sent again
 */
export async function fetchWithToken(
  { apiOrigins, fetch }: Settings,
  tokenFor: (refused?: string) => Promise<string>,
  input: RequestInfo | URL,
  init: RequestInit = {},
): Promise<Response> {
  const request = input instanceof Request ? input : undefined
  const url = new URL(request?.url ?? (input as string | URL), globalThis.location?.href)
  refuseInsecure(url)
  if (apiOrigins?.includes(url.origin) === false) {
    throw misconfigured(`"apiOrigins" does not name ${url.origin}.`)
  }
  const send = (token: string) => {
    const headers = new Headers(init.headers ?? request?.headers)
    headers.set('authorization', `Bearer ${token}`)
    return fetch(input, { ...init, headers })
  }
  const token = await tokenFor()
  const response = await send(token)
  if (response.status !== 401 || !isOurs(response)) return response
  let next: string
  try {
    next = await tokenFor(token)
  } catch {
    // The caller asked another API: its answer counts. What became of the session, `onChange` tells.
    return response
  }
  if (request?.bodyUsed || isStream(init.body)) return response
  await response.body?.cancel()
  return send(next)
}

/** RFC 6750 §3.1; a 401 of anybody else's making says nothing about our token. */
function isOurs({ headers }: Response): boolean {
  return /^Bearer\b.*\berror="?(invalid_token)\b/i.test(headers.get('www-authenticate') ?? '')
}

/** It is used up by the first try, a string is not. */
function isStream(body: unknown): boolean {
  return body instanceof ReadableStream || Symbol.asyncIterator in Object(body)
}
