/** One consistent story for the examples of the API reference: Ada, her laptop, her tokens. */

export const exampleUser = {
  id: '01934d2e-5c00-7a3b-9c4d-2f1e0a9b8c7d',
  email: 'ada@example.com',
  email_verified: false,
  name: 'Ada',
  locale: 'en',
  roles: [],
  status: 'active',
  metadata: {},
  created_at: '2026-11-23T10:00:00.000Z',
  updated_at: '2026-11-23T10:00:00.000Z',
  last_login_at: '2026-11-23T10:00:00.000Z',
}

export const exampleAdminUser = { ...exampleUser, deletion_due_at: null, locked: null }

const sessionId = '01934d2e-5c01-7b11-8e22-6d5c4b3a2918'

export const exampleTokens = {
  access_token: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwMTkzIn0.c2lnbmF0dXJl',
  token_type: 'Bearer',
  expires_in: 900,
  refresh_in: 675,
  refresh_token: 'nttr_AR4nq80Bk00uXAF7EY4ibVxLOikYAAAABKq7zN3u_wARIjNEVWZ3iJmqu8zd7v8AESIzRFVmd4g',
  refresh_expires_in: 2592000,
  session_id: sessionId,
  generation: 4,
  server_time: '2026-11-23T10:00:00.000Z',
  user: exampleUser,
}

export const exampleClaims = {
  iss: 'https://auth.example.com',
  aud: 'https://auth.example.com',
  sub: exampleUser.id,
  client_id: 'ntt-auth',
  iat: 1795428000,
  nbf: 1795428000,
  exp: 1795428900,
  jti: '01934d2e-5c02-7c33-8a44-1f2e3d4c5b6a',
  sid: sessionId,
  roles: [],
  roles_id: exampleUser.id,
  auth_time: 1795428000,
}

export const exampleSession = {
  id: sessionId,
  device_name: "Ada's laptop",
  user_agent: 'Mozilla/5.0',
  ip: '192.0.2.7',
  created_at: '2026-11-23T10:00:00.000Z',
  last_used_at: '2026-11-23T10:00:00.000Z',
  expires_at: '2026-12-23T10:00:00.000Z',
  current: true,
  ended_at: null,
  end_reason: null,
}

export const exampleCursor = 'AQIDBAUAAAGTTS5cAAECAwQFBgcICQoLDA0ODxA'

export const exampleRevocation = {
  kind: 'session',
  id: sessionId,
  before: '2026-11-23T10:05:00.000Z',
  until: '2026-11-23T10:21:00.000Z',
  reason: 'logout',
  revoked_at: '2026-11-23T10:05:00.000Z',
}

export const exampleLink = {
  token: 'ntto_q6u8ze7f8AARIjNEVWZ3iJmqu8zd7v8AESIzRFVmd4g',
  link: 'https://app.example.com/reset-password#token=ntto_q6u8ze7f8AARIjNEVWZ3iJmqu8zd7v8AESIzRFVmd4g',
  expires_at: '2026-11-24T10:00:00.000Z',
}

export const exampleAuditLine = {
  id: '01934d2e-5c03-7d44-9a55-3c4b5a697887.42',
  at: '2026-11-23T10:00:00.000Z',
  event: 'login',
  actor: { kind: 'user', id: exampleUser.id },
  subject: { kind: 'user', id: exampleUser.id },
  user_id: exampleUser.id,
  reason: null,
  request_id: 'q83vEjRW-1a',
  ip: '192.0.2.7',
  details: { session: sessionId },
  personal: { user_agent: 'Mozilla/5.0', device_name: "Ada's laptop" },
  erased: false,
}
