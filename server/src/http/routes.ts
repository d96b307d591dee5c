import type { AnyRoute } from './route.ts'
import { searchAuditRoute } from './routes/admin-audit.ts'
import { listKeysRoute, rotateKeysRoute } from './routes/admin-keys.ts'
import {
  createServiceRoute,
  deleteServiceRoute,
  deleteServiceSecretRoute,
  listServicesRoute,
  readServiceRoute,
  rotateServiceSecretRoute,
  updateServiceRoute,
} from './routes/admin-services.ts'
import { endUserSessionRoute, listUserSessionsRoute } from './routes/admin-sessions.ts'
import { readStatsRoute } from './routes/admin-stats.ts'
import {
  createUserRoute,
  deleteUserRoute,
  disableUserRoute,
  enableUserRoute,
  listUsersRoute,
  logoutUserRoute,
  readUserRoute,
  startPasswordResetRoute,
  unlockUserRoute,
  updateUserRoute,
} from './routes/admin-users.ts'
import { jwksRoute, metadataRoute } from './routes/discovery.ts'
import { docsRoute, errorDocsRoute, openApiRoute } from './routes/documentation.ts'
import { liveRoute, readyRoute } from './routes/health.ts'
import { introspectRoute } from './routes/introspect.ts'
import {
  confirmEmailFormRoute,
  confirmEmailPageRoute,
  resetPasswordFormRoute,
  resetPasswordPageRoute,
  verifyEmailFormRoute,
  verifyEmailPageRoute,
} from './routes/journeys.ts'
import { loginRoute } from './routes/login.ts'
import { logoutRoute } from './routes/logout.ts'
import {
  confirmEmailRoute,
  forgotPasswordRoute,
  resendVerificationRoute,
  verifyEmailRoute,
} from './routes/mailed-links.ts'
import { changeEmailRoute, changePasswordRoute, deleteMeRoute, readMeRoute, updateMeRoute } from './routes/me.ts'
import { exportMeRoute } from './routes/my-data.ts'
import { endMySessionRoute, listMySessionsRoute } from './routes/my-sessions.ts'
import { refreshRoute } from './routes/refresh.ts'
import { registerRoute } from './routes/register.ts'
import { resetPasswordRoute } from './routes/reset-password.ts'
import { readRevocationsRoute, streamRevocationsRoute } from './routes/revocations.ts'
import { revokeRoute } from './routes/revoke.ts'
import { validateRoute } from './routes/validate.ts'

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
export type Place = { method: Method; path: string; route: AnyRoute }

const at = (method: Method, path: string, route: AnyRoute): Place => ({ method, path, route })

/** The table of contents: every route of the public listener. Who may call stands in the route's own file. */
export const routes: readonly Place[] = [
  at('POST', '/v1/auth/register', registerRoute),
  at('POST', '/v1/auth/login', loginRoute),
  at('POST', '/v1/auth/refresh', refreshRoute),
  at('POST', '/v1/auth/logout', logoutRoute),
  at('GET', '/v1/auth/validate', validateRoute),
  at('POST', '/v1/auth/forgot-password', forgotPasswordRoute),
  at('POST', '/v1/auth/reset-password', resetPasswordRoute),
  at('POST', '/v1/auth/verify-email', verifyEmailRoute),
  at('POST', '/v1/auth/verify-email/resend', resendVerificationRoute),

  at('GET', '/v1/users/me', readMeRoute),
  at('PATCH', '/v1/users/me', updateMeRoute),
  at('DELETE', '/v1/users/me', deleteMeRoute),
  at('GET', '/v1/users/me/export', exportMeRoute),
  at('POST', '/v1/users/me/password', changePasswordRoute),
  at('POST', '/v1/users/me/email', changeEmailRoute),
  at('POST', '/v1/users/me/email/confirm', confirmEmailRoute),
  at('GET', '/v1/users/me/sessions', listMySessionsRoute),
  at('DELETE', '/v1/users/me/sessions/:id', endMySessionRoute),

  at('GET', '/v1/admin/users', listUsersRoute),
  at('POST', '/v1/admin/users', createUserRoute),
  at('GET', '/v1/admin/users/:id', readUserRoute),
  at('PATCH', '/v1/admin/users/:id', updateUserRoute),
  at('DELETE', '/v1/admin/users/:id', deleteUserRoute),
  at('POST', '/v1/admin/users/:id/disable', disableUserRoute),
  at('POST', '/v1/admin/users/:id/enable', enableUserRoute),
  at('POST', '/v1/admin/users/:id/unlock', unlockUserRoute),
  at('POST', '/v1/admin/users/:id/logout', logoutUserRoute),
  at('POST', '/v1/admin/users/:id/reset-password', startPasswordResetRoute),
  at('GET', '/v1/admin/users/:id/sessions', listUserSessionsRoute),
  at('DELETE', '/v1/admin/users/:id/sessions/:session_id', endUserSessionRoute),
  at('GET', '/v1/admin/stats', readStatsRoute),
  at('GET', '/v1/admin/audit', searchAuditRoute),
  at('GET', '/v1/admin/keys', listKeysRoute),
  at('POST', '/v1/admin/keys/rotate', rotateKeysRoute),

  at('GET', '/v1/admin/services', listServicesRoute),
  at('POST', '/v1/admin/services', createServiceRoute),
  at('GET', '/v1/admin/services/:id', readServiceRoute),
  at('PATCH', '/v1/admin/services/:id', updateServiceRoute),
  at('DELETE', '/v1/admin/services/:id', deleteServiceRoute),
  at('POST', '/v1/admin/services/:id/secrets', rotateServiceSecretRoute),
  at('DELETE', '/v1/admin/services/:id/secrets/:secret_id', deleteServiceSecretRoute),

  at('POST', '/oauth2/introspect', introspectRoute),
  at('POST', '/oauth2/revoke', revokeRoute),
  at('GET', '/v1/revocations', readRevocationsRoute),
  at('GET', '/v1/revocations/stream', streamRevocationsRoute),

  at('GET', '/verify-email', verifyEmailPageRoute),
  at('POST', '/verify-email', verifyEmailFormRoute),
  at('GET', '/reset-password', resetPasswordPageRoute),
  at('POST', '/reset-password', resetPasswordFormRoute),
  at('GET', '/confirm-email', confirmEmailPageRoute),
  at('POST', '/confirm-email', confirmEmailFormRoute),

  at('GET', '/.well-known/jwks.json', jwksRoute),
  at('GET', '/.well-known/oauth-authorization-server', metadataRoute),
  at('GET', '/health/live', liveRoute),
  at('GET', '/health/ready', readyRoute),
  at('GET', '/openapi.json', openApiRoute),
  at('GET', '/docs', docsRoute),
  at('GET', '/docs/errors/:code', errorDocsRoute),
]
