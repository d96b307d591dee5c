/** What the others are met by: a server that takes each refresh token once, and ends the session when one is shown again. */
export const hour = 3600

export type StrictServer = {
  /** The refresh token of a login that was just made. */
  readonly first: string
  refresh(shown: string | null): Response
}

/** @param now milliseconds */
export function strictServer(now: () => number): StrictServer {
  let [current, count, ended] = ['rt-0', 0, false]
  return {
    first: current,
    refresh(shown) {
      if (ended || shown !== current) {
        ended = true
        return Response.json(
          { error: 'invalid_grant', error_code: 'refresh_token_already_used', msg: 'used' },
          { status: 400 },
        )
      }
      current = `rt-${++count}`
      const expires_at = Math.floor(now() / 1000) + hour
      const claims = btoa(JSON.stringify({ sub: 'ada', exp: expires_at }))
      return Response.json({
        access_token: `e30.${claims}.at${count}`,
        refresh_token: current,
        token_type: 'bearer',
        expires_in: hour,
        expires_at,
        user: { id: 'ada' },
      })
    },
  }
}

/** The refresh token in the body of a request to a token endpoint, JSON or form. */
export function shownIn(body: string): string | null {
  return body.startsWith('{') ? JSON.parse(body).refresh_token : new URLSearchParams(body).get('refresh_token')
}
