import type { Device } from '../domain/sessions/start.ts'

const longestUserAgent = 300

/** What the device list will show of this request. */
export function deviceOf(
  request: { ip: string; header(name: string): string | undefined },
  name: string | undefined,
): Device {
  const userAgent = request.header('user-agent')
  return {
    ip: request.ip,
    // Control characters cannot stand in a header, but bytes above ASCII arrive as Latin-1: shown as they are.
    userAgent: userAgent === undefined ? null : userAgent.slice(0, longestUserAgent),
    name: name ?? null,
  }
}
