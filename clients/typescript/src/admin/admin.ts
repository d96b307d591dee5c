import { type CallOptions, callWithin, type Request, type Sender } from '../call.ts'
import { type Check, check, senderChecks } from '../check.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { SessionInfo } from '../contract.ts'
import type { AuthError } from '../errors/errors.ts'
import { defaultRetry, type RetryPolicy } from '../http/retry.ts'
import { segment } from '../http/segment.ts'
import { misconfigured, readBaseUrl } from '../options.ts'
import type {
  AdminUser,
  AuditLine,
  AuditQuery,
  CreatedUser,
  KeyRotation,
  ResetLink,
  SecretInput,
  Service,
  ServiceChange,
  ServiceInput,
  ServiceWithSecret,
  SigningKey,
  Stats,
  UserChange,
  UserInput,
  UserQuery,
} from './contract.ts'
import { type List, listOf } from './list.ts'
import { notHere } from './not-here.ts'

/**
 * Who asks: a service by its credential (it may read users, with the scope `users:read`), or an administrator by an
 * access token. A client that is logged in as one will do: `{ getAccessToken }` is asked for each call.
 */
export type Caller =
  | { clientId: string; clientSecret: string }
  | { accessToken: string }
  | { getAccessToken(options?: { forceRefresh?: boolean }): Promise<string> }

/** What `createAdmin` is given. */
export type AdminOptions = {
  /** Where the server is, for example `https://auth.example.com`. http only for this machine itself. */
  baseUrl: string | URL
  /** Who asks. */
  as: Caller
  /** Milliseconds that a call may take at most, retries included. Default 10 000. */
  timeoutMs?: number
  /** When failed attempts are made again. */
  retry?: Partial<RetryPolicy>
  /** All requests go through this one. */
  fetch?: typeof fetch
  /** Where time comes from. Default: the machine’s. */
  clock?: Clock
}

/**
 * Every method throws an `AuthError`: `forbidden` to who is no administrator, `reauthentication_required` where a
 * recent login is asked for, `not_found` for an id that there is not.
 */
export type Admin = {
  readonly users: {
    /** All users whom the query matches. */
    list(query?: UserQuery, options?: CallOptions): List<AdminUser>
    /** Without a password it is an invitation: mailed, or its link in the answer where there is no mail. */
    create(input: UserInput, options?: CallOptions): Promise<CreatedUser>
    /**
     * One user.
     * @param id a `User.id`
     */
    get(id: string, options?: CallOptions): Promise<AdminUser>
    /**
     * Changes what is named, and nothing else.
     * @throws ConflictError `email_taken`, `last_admin`
     */
    update(id: string, change: UserChange, options?: CallOptions): Promise<AdminUser>
    /**
     * Deletes the account at once and for good, whatever the delay for those who delete themselves.
     * @throws ConflictError `last_admin`
     */
    delete(id: string, options?: CallOptions): Promise<void>
    /**
     * Closes the account: its sessions end, and nobody logs in.
     * @throws ConflictError `last_admin`
     */
    disable(id: string, options?: CallOptions): Promise<void>
    /** Opens it again. */
    enable(id: string, options?: CallOptions): Promise<void>
    /** Lifts what too many wrong passwords brought about. */
    unlock(id: string, options?: CallOptions): Promise<void>
    /** Ends all sessions of the user. */
    logout(id: string, options?: CallOptions): Promise<void>
    /** @returns the link, for you to hand over; null where it was mailed */
    resetPassword(id: string, options?: CallOptions): Promise<ResetLink | null>
    /** The device list of the user. */
    sessions(id: string, options?: CallOptions): List<SessionInfo>
    /**
     * Ends one of them.
     * @param sessionId a `SessionInfo.id`
     */
    endSession(id: string, sessionId: string, options?: CallOptions): Promise<void>
  }
  readonly services: {
    /** All services. */
    list(options?: CallOptions): List<Service>
    /** The secret is shown this once. */
    create(input: ServiceInput, options?: CallOptions): Promise<ServiceWithSecret>
    /**
     * One service.
     * @param id a `Service.id`
     */
    get(id: string, options?: CallOptions): Promise<Service>
    /** Changes name or scopes. */
    update(id: string, change: ServiceChange, options?: CallOptions): Promise<Service>
    /** Deletes it: it is let in no more, on every node within two seconds. */
    delete(id: string, options?: CallOptions): Promise<void>
    /** A second secret, so that the first can be replaced without a break. */
    addSecret(id: string, input?: SecretInput, options?: CallOptions): Promise<ServiceWithSecret>
    /**
     * Ends one of its secrets at once.
     * @param secretId the `id` of one of `Service.secrets`
     */
    deleteSecret(id: string, secretId: string, options?: CallOptions): Promise<void>
  }
  readonly keys: {
    /** The signing keys and their states. */
    list(options?: CallOptions): Promise<SigningKey[]>
    /**
     * Signs by the next key from now on.
     * @returns all keys.
     * @throws ConflictError `rotation_too_soon`
     */
    rotate(input?: KeyRotation, options?: CallOptions): Promise<SigningKey[]>
  }
  /** What was recorded, newest first. */
  audit(query?: AuditQuery, options?: CallOptions): List<AuditLine>
  /** Figures of the node that answers. */
  stats(options?: CallOptions): Promise<Stats>
}

/** `as` is looked at apart: what it takes does not fit in half a sentence. */
const checks: Record<string, Check> = { as: [() => true, 'be given'], ...senderChecks }

type Query = Record<string, string | number | boolean | undefined>

/**
 * The administration of a server, for programs: every route under `/v1/admin`. Refuses to work in a page.
 * @throws ConfigurationError
 */
export function createAdmin(options: AdminOptions): Admin {
  if (typeof document !== 'undefined') throw notHere()
  check('createAdmin', options, checks)
  checkCaller(options.as)
  const { as: caller, clock = systemClock, timeoutMs = 10_000 } = options
  const settings: Sender = {
    baseUrl: readBaseUrl(options.baseUrl),
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    clock,
    timeoutMs,
    retry: { ...defaultRetry, ...options.retry },
  }

  async function send(request: Request, lost?: () => void): Promise<unknown> {
    const sendAs = async (authorization: string) =>
      (await callWithin(settings, { ...request, headers: { authorization } }, lost)).body
    const sent = await authorizationOf(caller)
    try {
      return await sendAs(sent)
    } catch (error) {
      if (!('getAccessToken' in caller) || (error as AuthError).status !== 401) throw error
      const next = `Bearer ${await caller.getAccessToken({ forceRefresh: true })}`
      // Somebody else may have logged in meanwhile, and did not ask for this.
      const [before, after] = [subjectOf(sent), subjectOf(next)]
      if (before !== undefined && before !== after) throw error
      return sendAs(next)
    }
  }
  const read = (path: string, options?: CallOptions) =>
    send({ method: 'GET', path, options, again: true }) as Promise<never>
  /** Sent once: a second try could create or change something twice. */
  const write = (method: 'POST' | 'PATCH', path: string, body: unknown, options?: CallOptions) =>
    send({ method, path, body, options }) as Promise<never>
  /** What can be said twice. */
  const set = async (path: string, options?: CallOptions) => {
    await send({ method: 'POST', path, options, again: true })
  }
  const remove = async (path: string, options?: CallOptions) => {
    let lost = false
    const noteLoss = () => {
      lost = true
    }
    await send({ method: 'DELETE', path, options, again: true }, noteLoss).catch((error: AuthError) => {
      // The first try removed it, and its answer got lost.
      if (!lost || error.code !== 'not_found') throw error
    })
  }
  const list = (path: string, query: Query = {}, options?: CallOptions) =>
    listOf<never>((cursor) => read(`${path}${search({ ...query, cursor })}`, options))

  const users = '/v1/admin/users'
  const services = '/v1/admin/services'
  const keys = '/v1/admin/keys'
  const one = (path: string, id: string) => `${path}/${segment(id)}`
  const keysIn = ({ items }: { items: SigningKey[] }) => items
  return {
    users: {
      list: (query, options) => list(users, query, options),
      create: (input, options) => write('POST', users, input, options),
      get: (id, options) => read(one(users, id), options),
      update: (id, change, options) => write('PATCH', one(users, id), change, options),
      delete: (id, options) => remove(one(users, id), options),
      disable: (id, options) => set(`${one(users, id)}/disable`, options),
      enable: (id, options) => set(`${one(users, id)}/enable`, options),
      unlock: (id, options) => set(`${one(users, id)}/unlock`, options),
      logout: (id, options) => set(`${one(users, id)}/logout`, options),
      async resetPassword(id, options) {
        const answer: ResetLink | { status: string } = await write(
          'POST',
          `${one(users, id)}/reset-password`,
          undefined,
          options,
        )
        return 'link' in answer ? answer : null
      },
      sessions: (id, options) => list(`${one(users, id)}/sessions`, {}, options),
      endSession: (id, sessionId, options) => remove(one(`${one(users, id)}/sessions`, sessionId), options),
    },
    services: {
      list: (options) => list(services, {}, options),
      create: (input, options) => write('POST', services, input, options),
      get: (id, options) => read(one(services, id), options),
      update: (id, change, options) => write('PATCH', one(services, id), change, options),
      delete: (id, options) => remove(one(services, id), options),
      addSecret: (id, input = {}, options) => write('POST', `${one(services, id)}/secrets`, input, options),
      deleteSecret: (id, secretId, options) => remove(one(`${one(services, id)}/secrets`, secretId), options),
    },
    keys: {
      list: async (options) => keysIn(await read(keys, options)),
      rotate: async (input = {}, options) => keysIn(await write('POST', `${keys}/rotate`, input, options)),
    },
    audit: (query, options) => list('/v1/admin/audit', query, options),
    stats: (options) => read('/v1/admin/stats', options),
  }
}

async function authorizationOf(caller: Caller): Promise<string> {
  if ('getAccessToken' in caller) return `Bearer ${await caller.getAccessToken()}`
  if ('accessToken' in caller) return `Bearer ${caller.accessToken}`
  // RFC 6749 §2.3.1: both are form-encoded first.
  const { clientId, clientSecret } = caller
  return `Basic ${btoa(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`)}`
}

function checkCaller(caller: Caller): void {
  const { getAccessToken, accessToken, clientId, clientSecret } = Object(caller)
  const isText = (value: unknown) => typeof value === 'string' && value !== ''
  if (typeof getAccessToken === 'function' || isText(accessToken) || (isText(clientId) && isText(clientSecret))) return
  throw misconfigured('"as" says who asks: { clientId, clientSecret }, { accessToken }, or a client that is logged in.')
}

/** Whose token it is: said by its middle part, which nobody needs to check here. Of one that is no JWT, nothing is known. */
function subjectOf(authorization: string): unknown {
  try {
    const payload = authorization.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/')
    return JSON.parse(atob(payload)).sub
  } catch {
    return undefined
  }
}

function search(query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  return text && `?${text}`
}
