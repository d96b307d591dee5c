import type { Command } from './command.ts'

/** Every command, loaded when it is called: `version` must not wait for what `serve` needs. */
export const commands: Record<string, () => Promise<{ command: Command }>> = {
  serve: () => import('./serve.ts'),
  migrate: () => import('./migrate.ts'),
  users: () => import('./users.ts'),
  sessions: () => import('./sessions.ts'),
  'create-admin': () => import('./create-admin.ts'),
  services: () => import('./services.ts'),
  audit: () => import('./audit.ts'),
  cleanup: () => import('./cleanup.ts'),
  outbox: () => import('./outbox.ts'),
  keys: () => import('./keys.ts'),
  config: () => import('./config.ts'),
  doctor: () => import('./doctor.ts'),
  healthcheck: () => import('./healthcheck.ts'),
  version: () => import('./version.ts'),
  help: () => import('./help.ts'),
}
