import { ConfigurationError } from '../errors/errors.ts'

/** Whoever can run a script in the page would be an administrator. */
export function notHere(): ConfigurationError {
  const message = '"ntt-auth-client/admin" is for servers and programs: what it holds must not come near a browser.'
  return new ConfigurationError('config_invalid', message)
}
