export { type VirtualClock, type VirtualClockOptions, virtualClock } from './clock.ts'
export type { MintedClaims, TokenMint } from './mint.ts'
export { type Fault, type MockAuthServer, type MockServerOptions, mockAuthServer, type SeenRequest } from './server.ts'
