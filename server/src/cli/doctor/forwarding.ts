import type { Config } from '../../config/config.ts'
import { type Finding, fine, warning } from '../../database/finding.ts'
import { reachable } from '../reachable.ts'

const patience = 1000
const counter = /^ntt_auth_forwarding_unbelieved_total (\d+)$/m

/** What a server that runs here with this configuration has met; nothing where none does. */
export async function examineForwarding(config: Config): Promise<Finding[]> {
  const { managementHost, managementPort, workers } = config
  if (managementPort === 0) return []
  const pages = Array.from({ length: workers }, (_, index) => {
    return countAt(`http://${reachable(managementHost)}:${managementPort + index}/metrics`)
  })
  const counts = (await Promise.all(pages)).filter((count) => count !== null)
  if (counts.length === 0) return []
  const count = counts.reduce((sum, each) => sum + each, 0)
  return [judgeForwarding(count, config.trustedProxies.length > 0)]
}

/** @returns null when nobody answers there, or somebody else does */
async function countAt(url: string): Promise<number | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(patience), redirect: 'error' })
    const found = counter.exec(await response.text())
    return found ? Number(found[1]) : null
  } catch {
    return null
  }
}

/** @param count requests that said for whom they came, from an address that is not believed */
export function judgeForwarding(count: number, proxiesAreNamed: boolean): Finding {
  if (count === 0) return fine('The server that runs here met no forwarding header that it does not believe.')
  const met = `The server that runs here met ${count} requests with X-Forwarded-For or Forwarded`
  return proxiesAreNamed
    ? warning(
        `${met} from addresses that are no proxies of yours: a proxy is not named, or somebody comes past them.`,
        'Name every proxy in NTT_AUTH_TRUSTED_PROXIES, and let only these reach the port.',
      )
    : warning(
        `${met} and believes no proxy: if a proxy of yours sent them, all clients share one network for throttling.`,
        'Name the addresses of your proxies in NTT_AUTH_TRUSTED_PROXIES; without a proxy, callers made them up.',
      )
}
