/** Seals what a cookie holds, so that it is of use to nobody but this program. */
export type Sealer = {
  seal(text: string): Promise<string>
  /** @returns null for what nobody of us has sealed */
  unseal(sealed: string): Promise<string | null>
  /** The same for the same text on all machines that share the secrets: 128 bits in hex. */
  derive(text: string): Promise<string>
}

const utf8 = new TextEncoder()
type Keys = { aes: CryptoKey; hmac: CryptoKey }
/** Keys by secret: making one costs more than using it. Data only, never a promise, which some hosts let no other request wait for. */
const made = new Map<string, Keys>()

/**
 * @param secrets the first seals, all unseal; the last one derives, so that machines agree while a new one is rolled out
 * @param purpose what is sealed for one purpose cannot be shown for another
 */
export function sealer(secrets: readonly string[], purpose: string): Sealer {
  const additionalData = utf8.encode(purpose)
  return {
    async seal(text) {
      const { aes } = await keysOf(secrets[0]!)
      const iv = crypto.getRandomValues(new Uint8Array(12))
      const body = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, aes, utf8.encode(text))
      return toBase64Url(new Uint8Array([...iv, ...new Uint8Array(body)]))
    },
    async unseal(sealed) {
      const bytes = fromBase64Url(sealed)
      if (!bytes) return null
      const [iv, body] = [bytes.subarray(0, 12), bytes.subarray(12)]
      for (const secret of secrets) {
        const { aes } = await keysOf(secret)
        try {
          const text = await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData }, aes, body)
          return new TextDecoder().decode(text)
        } catch {
          // Sealed with another one, or by somebody else.
        }
      }
      return null
    },
    async derive(text) {
      const { hmac } = await keysOf(secrets.at(-1)!)
      const bytes = new Uint8Array(await crypto.subtle.sign('HMAC', hmac, utf8.encode(text)))
      return Array.from(bytes.subarray(0, 16), (each) => each.toString(16).padStart(2, '0')).join('')
    },
  }
}

async function keysOf(secret: string): Promise<Keys> {
  const keys = made.get(secret) ?? (await makeKeys(secret))
  made.set(secret, keys)
  return keys
}

async function makeKeys(secret: string): Promise<Keys> {
  const base = await crypto.subtle.importKey('raw', utf8.encode(secret), 'HKDF', false, ['deriveKey'])
  const from = (info: string) => ({
    name: 'HKDF',
    hash: 'SHA-256',
    salt: new Uint8Array(),
    info: utf8.encode(`ntt-auth-client ${info}`),
  })
  const aes = { name: 'AES-GCM', length: 256 }
  const hmac = { name: 'HMAC', hash: 'SHA-256', length: 256 }
  return {
    aes: await crypto.subtle.deriveKey(from('cookie'), base, aes, false, ['encrypt', 'decrypt']),
    hmac: await crypto.subtle.deriveKey(from('refresh-key'), base, hmac, false, ['sign']),
  }
}

function toBase64Url(bytes: Uint8Array): string {
  const text = Array.from(bytes, (each) => String.fromCharCode(each)).join('')
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
    return Uint8Array.from(binary, (each) => each.charCodeAt(0))
  } catch {
    return null
  }
}
