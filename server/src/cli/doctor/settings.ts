import { availableParallelism } from 'node:os'
import { type Config, misgivings } from '../../config/config.ts'
import { isLoopback } from '../../config/networks.ts'
import { type Finding, fine, warning } from '../../database/finding.ts'

/** What settings mean together, beyond what a start refuses. */
export function examineSettings(config: Config): Finding[] {
  const findings = misgivings(config).map((text) => warning(text, 'See docs/reference/configuration.md.'))
  if (config.env === 'development') {
    findings.push(warning('This is a development configuration.', 'Set NTT_AUTH_ENV=production where people log in.'))
  }
  if (!isLoopback(config.managementHost)) {
    findings.push(
      warning(
        'The management listener can be reached from other machines; it shows metrics and reasons to everybody.',
        'Set NTT_AUTH_MANAGEMENT_HOST=127.0.0.1, or let only your monitoring reach it.',
      ),
    )
  }
  if (config.insecure.includes('database_tls')) {
    findings.push(
      warning(
        'The connection to the database is not encrypted, and the database is on another machine.',
        'Add tls=verify to NTT_AUTH_DATABASE_URL; tls=off is for networks where nobody else is on the way.',
      ),
    )
  }
  if (config.insecure.includes('redis_tls')) {
    findings.push(
      warning(
        'The connection to Redis is not encrypted, and Redis is on another machine.',
        'Use rediss:// in NTT_AUTH_REDIS_URL.',
      ),
    )
  }
  if (!config.rateLimits) {
    findings.push(
      warning('Nothing is limited: passwords can be guessed for ever.', 'Take NTT_AUTH_RATE_LIMITS=off out again.'),
    )
  }
  // Production does not start before somebody has said who stands in front of it.
  if (config.env === 'development' && config.publicUrl.startsWith('https:') && config.trustedProxies.length === 0) {
    findings.push(
      warning(
        'Clients come by https, so through a proxy, but no proxy is trusted: everybody seems to come from its address.',
        'Name the addresses of your proxies in NTT_AUTH_TRUSTED_PROXIES.',
      ),
    )
  }
  if (config.hashThreads > availableParallelism()) {
    findings.push(
      warning(
        `${config.hashThreads} threads hash passwords on ${availableParallelism()} cores.`,
        'Leave NTT_AUTH_HASH_THREADS at the number of cores: more of them only slow each other down.',
      ),
    )
  }
  return findings.length > 0 ? findings : [fine('Nothing is wrong with the settings.')]
}
