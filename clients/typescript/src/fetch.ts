import { ConfigurationError } from './errors/errors.ts'
import { refuseInsecure, type Settings } from './options.ts'

/**
 * @param tokenFor a token to send; given one that was refused, another
 * @returns whatever the other side answers: a 401 only if a new token did not help, or the body could not be sent again
 */
export async function fetchWithToken(
  { apiOrigins, fetch }: Settings,
  tokenFor: (refused: string | undefined) => Promise<string>,
  input: RequestInfo | URL,
  init: RequestInit = {},
): Promise<Response> {
  const url = new URL(input instanceof Request ? input.url : input, globalThis.location?.href)
  refuseInsecure(url)
  if (apiOrigins && !apiOrigins.includes(url.origin)) {
    const message = `The access token is not for ${url.origin}; "apiOrigins" names where it may go.`
    throw new ConfigurationError('config_invalid', message)
  }
  const send = (token: string) => {
    const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined))
    headers.set('authorization', `Bearer ${token}`)
    return fetch(input, { ...init, headers })
  }
  const token = await tokenFor(undefined)
  const response = await send(token)
  if (response.status !== 401 || !isOurs(response)) return response
  let next: string
  try {
    next = await tokenFor(token)
  } catch {
    // The caller asked another API: its answer counts. What became of the session, `onChange` tells.
    return response
  }
  if (!canSendAgain(input, init)) return response
  await response.body?.cancel()
  return send(next)
}

/** RFC 6750 §3.1; a 401 of anybody else's making says nothing about our token. */
function isOurs({ headers }: Response): boolean {
  return /^Bearer\b.*\berror="?(invalid_token)\b/i.test(headers.get('www-authenticate') ?? '')
}

/** A stream is used up, a string is not. */
function canSendAgain(input: RequestInfo | URL, { body }: RequestInit): boolean {
  if (body === undefined || body === null) return !(input instanceof Request) || input.body === null
  return !(body instanceof ReadableStream) && !(Symbol.asyncIterator in Object(body))
}
