export type { Session, SessionState } from '../session/view.ts'
export { type NodeRequest, type NodeResponse, nodeCookies, webCookies } from './adapters.ts'
export { createServerClient, type ServerClient, type ServerClientOptions } from './client.ts'
export type { CookieAttributes, Cookies } from './cookie-storage.ts'
