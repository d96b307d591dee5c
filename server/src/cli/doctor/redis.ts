import { setTimeout as delay } from 'node:timers/promises'
import type { Config } from '../../config/config.ts'
import { parseRedisUrl } from '../../config/redis-url.ts'
import { type Finding, fine, warning } from '../../database/finding.ts'
import { redisBuckets } from '../../domain/throttling/redis.ts'

const patience = 3000

/** Connects, logs in and writes a word that is gone in a second. A warning at most: without Redis the database counts. */
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
    for (const began = performance.now(); !redis.isUp() && complaint === null; await delay(20)) {
      if (performance.now() - began > patience) complaint = 'It does not answer.'
    }
  } catch (error) {
    complaint = (error as Error).message
  } finally {
    redis.close()
  }
  if (complaint === null) return [fine(`Redis at ${server.host}:${server.port} takes us in.`)]
  const remedy = 'Check NTT_AUTH_REDIS_URL, and that Redis runs, can be reached from here and can be written to.'
  return [warning(`Redis cannot be used, and the database counts instead: ${complaint}`, remedy)]
}
