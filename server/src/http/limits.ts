/** What a request may weigh and how long it may take to arrive. */
export const limits = {
  body: 64 * 1024,
  /** Where no body belongs: an empty object and blanks. */
  needlessBody: 64,
  headers: 16 * 1024,
  url: 2048,
  jsonDepth: 16,
  /** Milliseconds for a request to arrive; a slow sender must not keep a place. */
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  /** How often Node looks whether a sender was too slow. */
  timeoutCheck: 2_000,
  keepAlive: 65_000,
}
