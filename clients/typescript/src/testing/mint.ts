/** What a token says; what is left out is as the server would have it. */
export type MintedClaims = { sub: string; sid: string; roles?: readonly string[]; [claim: string]: unknown }
/** What a token of the mint says. */
export type ReadClaims = {
  sid: string
  sub: string
  roles: string[]
  roles_id?: string
  /** Seconds since 1970, as are the others. */
  iat: number
  exp: number
  /** When the session began. */
  auth_time: number
}
/** Signs access tokens as the server does, and wrong ones. */
export type TokenMint = {
  /** An access token as the server would sign it; every claim may be overridden. */
  sign(claims: MintedClaims, header?: Record<string, unknown>): Promise<string>
  /** Signs any text, right or wrong: to test what verifiers refuse. */
  signText(text: string): Promise<string>
  /** The claims of a token of this mint; null for another's. */
  read(token: string): Promise<ReadClaims | null>
  /** What `/.well-known/jwks.json` shows. */
  jwks(): Promise<{ keys: Readonly<Record<string, unknown>>[] }>
  /** From now on signs with a new key; the old one stays in the JWKS unless told otherwise. */
  rotate(keepOld?: boolean): Promise<void>
}

type Options = { issuer: string; ttl: number; now: () => number }
type Key = { kid: string; pair: CryptoKeyPair }

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const url = (bytes: Uint8Array) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
const plain = (text: string) => atob(text.replaceAll('-', '+').replaceAll('_', '/'))
const bytesOf = (text: string) => new TextEncoder().encode(text)

/** Makes its key when the first token is signed. */
export function startTokenMint({ issuer, ttl, now }: Options): TokenMint {
  let keys: Promise<Key[]> | undefined
  let counted = 0
  const make = async (): Promise<Key> => {
    const pair = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
    return { kid: `test-${++counted}`, pair }
  }
  const all = () => {
    keys ??= make().then((key) => [key])
    return keys
  }
  const signText = async (text: string) => {
    const { pair } = (await all())[0]!
    const signature = await crypto.subtle.sign(algorithm, pair.privateKey, bytesOf(text))
    return `${text}.${url(new Uint8Array(signature))}`
  }
  return {
    signText,
    async sign(claims, header) {
      const { kid } = (await all())[0]!
      const seconds = Math.floor(now() / 1000)
      const jti = crypto.randomUUID()
      const times = { iat: seconds, nbf: seconds, exp: seconds + ttl, auth_time: seconds }
      const standard = { iss: issuer, aud: issuer, client_id: 'ntt-auth', ...times, jti, roles: [] }
      const part = (value: unknown) => url(bytesOf(JSON.stringify(value)))
      return signText(`${part({ alg: 'ES256', typ: 'at+jwt', kid, ...header })}.${part({ ...standard, ...claims })}`)
    },
    async read(token) {
      const [head = '', claims = '', signature = ''] = token.split('.')
      try {
        const { kid } = JSON.parse(plain(head))
        const { pair } = (await all()).find((key) => key.kid === kid)!
        const bytes = Uint8Array.from(plain(signature), (each) => each.charCodeAt(0))
        const isOurs = await crypto.subtle.verify(algorithm, pair.publicKey, bytes, bytesOf(`${head}.${claims}`))
        return isOurs ? JSON.parse(plain(claims)) : null
      } catch {
        return null
      }
    },
    async jwks() {
      const exported = (await all()).map(async ({ kid, pair }) => {
        const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey)
        return { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' }
      })
      return { keys: await Promise.all(exported) }
    },
    async rotate(keepOld = true) {
      const old = await all()
      keys = make().then((key) => (keepOld ? [key, ...old] : [key]))
      await keys
    },
  }
}
