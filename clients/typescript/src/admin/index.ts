export type { CallOptions } from '../call.ts'
export type { SessionInfo, User } from '../contract.ts'
export { type Admin, type AdminOptions, type Caller, createAdmin } from './admin.ts'
export type {
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
export type { List, Page } from './list.ts'
