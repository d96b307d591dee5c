import { createHmac, createSecretKey, hkdfSync } from 'node:crypto'

/** The name under which something is counted: who has the counts does not learn whom or what they are about. */
export type Naming = (...parts: string[]) => string

/**
 * @param masterKeys the oldest one names: while a new one comes, nodes that know it already and nodes that do not must
 *   count together. Once the old one is gone all counts begin anew.
 */
export function naming(masterKeys: Buffer[]): Naming {
  const oldest = masterKeys.at(-1)
  if (!oldest) throw new Error('naming needs at least one master key')
  const secret = Buffer.from(hkdfSync('sha256', oldest, Buffer.alloc(0), 'ntt-auth throttling name', 32))
  const key = createSecretKey(secret)
  // No part holds a line break.
  return (...parts) => createHmac('sha256', key).update(parts.join('\n')).digest('base64url')
}
