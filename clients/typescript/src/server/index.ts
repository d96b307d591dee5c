export type { Session, SessionState } from '../session/view.ts'
export {
  type AnswerHeaders,
  type NodeRequest,
  nodeCookies,
  noStore,
  webCookies,
} from './adapters.ts'
export { createServerClient, type ServerClient, type ServerClientOptions } from './client.ts'
export type { CookieAttributes, Cookies } from './cookie-storage.ts'
export type { NodeResponse } from './last-word.ts'
