export type { CallOptions } from './call.ts'
export {
  type AccountDeletionResult,
  AuthClient,
  type AuthClientOptions,
  type Diagnostics,
  type PageOptions,
  type RegisterResult,
  type SessionPage,
  type Sessions,
} from './client.ts'
export type { Clock } from './clock.ts'
export type {
  AccountDeletion,
  EmailChange,
  LoginInput,
  MailedToken,
  MailRequest,
  OwnData,
  PasswordChange,
  PasswordReset,
  Problem,
  RegisterInput,
  SessionInfo,
  Tokens,
  User,
  UserPatch,
} from './contract.ts'
export type { ServerCode } from './errors/codes.ts'
export {
  AuthError,
  type ClientCode,
  ConfigurationError,
  ConflictError,
  CredentialsError,
  type ErrorCode,
  type ErrorDetails,
  ForbiddenError,
  LoggedOutError,
  NetworkError,
  RateLimitedError,
  RefreshUnavailableError,
  ServerError,
  SessionEndedError,
  ValidationError,
} from './errors/errors.ts'
export type { RetryPolicy } from './http/retry.ts'
export type { SessionClientOptions } from './options.ts'
export type { AuthEvent, Listener } from './session/keep.ts'
export type { Initiator, LogoutReason, News, Over } from './session/machine.ts'
export { generationOf } from './session/record.ts'
export type { Session, SessionState } from './session/view.ts'
export {
  type LoginResult,
  type LogoutResult,
  type LogoutScope,
  SessionClient,
  type TokenOptions,
} from './session-client.ts'
export { indexedDbStorage } from './storage/indexeddb.ts'
export { memoryStorage } from './storage/memory.ts'
export type { Keeping, KeptStorage } from './storage/plain.ts'
export type { SessionStorage } from './storage/storage.ts'
