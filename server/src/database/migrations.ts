import type { Migration } from './migration.ts'
import { firstTables } from './migrations/0001-first-tables.ts'
import { revocationFeed } from './migrations/0002-revocation-feed.ts'
import { administration } from './migrations/0003-administration.ts'
import { audit } from './migrations/0004-audit.ts'
import { serviceSecrets } from './migrations/0005-services.ts'
import { outbox } from './migrations/0006-outbox.ts'
import { throttling } from './migrations/0007-throttling.ts'
import { deletionDelay } from './migrations/0008-deletion-delay.ts'
import { hashFormats } from './migrations/0009-hash-formats.ts'
import { choreRuns } from './migrations/0010-chore-runs.ts'
import { revokedKeys } from './migrations/0011-revoked-keys.ts'
import { usersById } from './migrations/0012-users-by-id.ts'
import { unconfirmed } from './migrations/0013-unconfirmed.ts'
import { rolesId } from './migrations/0014-roles-id.ts'

/** All migrations this version knows, in their order. New ones are added at the end. */
export const migrations: readonly Migration[] = [
  firstTables,
  revocationFeed,
  administration,
  audit,
  serviceSecrets,
  outbox,
  throttling,
  deletionDelay,
  hashFormats,
  choreRuns,
  revokedKeys,
  usersById,
  unconfirmed,
  rolesId,
]
