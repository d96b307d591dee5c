import { setTimeout as delay } from 'node:timers/promises'
import { mendCertificate } from '../../certificates.ts'
import type { Config } from '../../config/config.ts'
import { parseRedisUrl } from '../../config/redis-url.ts'
import { type Finding, fine, problem, warning } from '../../database/finding.ts'
import { redisBuckets } from '../../domain/throttling/redis.ts'

const patience = 3000

/**
 * Connects, logs in and writes a word that is gone in a second. A Redis that is away is a warning, because the database
 * counts meanwhile; one that cannot even be tried is a problem, because no server starts so.
 */
export async function examineRedis({ redisUrl }: Config): Promise<Finding[]> {
  if (redisUrl === null) return []
  const server = parseRedisUrl(redisUrl)
  let complaint: string | null = null
  const redis = redisBuckets(server, {
    away: (error) => {
      complaint ??= (error as Error).message || String((error as { code?: string }).code)
    },
    back: () => undefined,
  })
  try {
    await redis.open()
  } catch (error) {
    redis.close()
    const remedy = 'Check NTT_AUTH_REDIS_URL, and the file that it names.'
    return [problem(`No server starts with this Redis: ${(error as Error).message}`, remedy)]
  }
  try {
    for (const began = performance.now(); !redis.isUp() && complaint === null; await delay(20)) {
      if (performance.now() - began > patience) complaint = 'It does not answer.'
    }
  } finally {
    redis.close()
  }
  if (complaint === null) return [fine(`Redis at ${server.host}:${server.port} takes us in.`)]
  const remedy =
    mendCertificate({ message: complaint }, 'NTT_AUTH_REDIS_URL') ??
    'Check NTT_AUTH_REDIS_URL, and that Redis runs, can be reached from here and can be written to.'
  return [warning(`Redis cannot be used, and the database counts instead: ${complaint}`, remedy)]
}
