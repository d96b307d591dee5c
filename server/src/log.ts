import { type DestinationStream, type Logger, pino } from 'pino'

/**
 * JSON lines on standard output. Nothing secret is handed to the log on purpose; the paths below catch what an error
 * object of a library may carry along.
 * @param more fields of every line, asked for when it is written
 */
export function createLog(level: string, destination?: DestinationStream, more?: () => object): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretPaths, censor: '[secret]' },
      serializers: { err: errorFields },
      ...(more && { mixin: more }),
    },
    destination ?? pino.destination({ fd: 1, sync: false, minLength: 0 }),
  )
}

const secretNames = [
  'password',
  'current_password',
  'new_password',
  'refresh_token',
  'access_token',
  'token',
  'authorization',
  'cookie',
]
const secretPaths = secretNames.flatMap((name) => [name, `*.${name}`])

/** By allow-list: drivers hang statements and their parameters on their errors. */
function errorFields(thrown: unknown) {
  if (!(thrown instanceof Error)) return { message: String(thrown) }
  const { name, message, stack, code } = thrown as Error & { code?: unknown }
  return { type: name, message, code: typeof code === 'string' ? code : undefined, stack }
}
