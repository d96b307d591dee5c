import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../app.ts'
import type { Act } from '../flows/acting.ts'
import { actOf } from './act-of.ts'
import { addressOf } from './caller-address.ts'
import type { RequestContext } from './route.ts'
import type { Place } from './routes.ts'

/**
 * What a handler knows. A class, because an object literal with getters costs ten times as much to make; so it is taken
 * apart by name, never spread.
 */
export class Context implements RequestContext<unknown, unknown, unknown> {
  readonly app: App
  readonly places: readonly Place[]
  readonly body: unknown
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply

  constructor(app: App, places: readonly Place[], body: unknown, request: FastifyRequest, reply: FastifyReply) {
    this.app = app
    this.places = places
    this.body = body
    this.#request = request
    this.#reply = reply
  }

  get query(): unknown {
    return this.#request.query
  }

  get params(): unknown {
    return this.#request.params
  }

  get ip(): string {
    return addressOf(this.#request)
  }

  get act(): Act {
    return actOf(this.#request.caller, addressOf(this.#request), this.#request.id)
  }

  get signal(): AbortSignal {
    return hangUpSignal(this.#reply)
  }

  // Not a method: handlers take it out of its object.
  get header(): (name: string) => string | undefined {
    return (name) => single(this.#request.headers[name])
  }
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}

/** Aborts when the caller hangs up before it got its answer. */
function hangUpSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort()
  })
  return controller.signal
}
