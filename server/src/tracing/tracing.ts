import type { IncomingHttpHeaders } from 'node:http'

export type Attributes = Record<string, string | number>

/**
 * Tells a collector what took how long. Names and attributes come from closed lists of ours: no address, id, token or
 * statement ever goes out. What runs outside of a request is not told.
 */
export type Tracing = {
  /** A request came in; its caller's trace goes on, if it named one. */
  open(method: string, headers: IncomingHttpHeaders): RequestSpan
  /** Runs `work` as a span of its own: what it does in turn belongs to it. */
  within<T>(name: string, work: () => Promise<T>): Promise<T>
  /** A part of what is running took so many milliseconds and ended just now, or `ago` milliseconds before. */
  past(name: string, milliseconds: number, about?: { attributes?: Attributes; failed?: boolean; ago?: number }): void
  /** Spans that are dropped are told from now on. */
  onLost(observer: (spans: number, why: Lost) => void): void
  /** Sends what is left, but does not wait long for a collector that is not there. */
  close(): Promise<void>
}

/** No more could wait; or the collector did not take it. */
export type Lost = 'queue_full' | 'undelivered'

export type RequestSpan = {
  readonly traceId: string
  readonly spanId: string
  /** Runs `work` as a part of the request. */
  enter(work: () => void): void
  /**
   * @param route its pattern, or null where none fits
   * @param status null where the caller hung up before there was one
   */
  end(route: string | null, status: number | null): void
}
