import { generateKeyPairSync, type KeyObject, randomBytes, sign as signBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A certificate that signs itself and is good for `localhost`, made anew for each process: no key lies in the source. */
export type Certificate = { key: string; cert: string; certFile: string }

let made: Certificate | undefined

export function localhostCertificate(): Certificate {
  made ??= makeAuthority('localhost').own
  return made
}

export type Authority = {
  /** Trusted by itself; good for its own name. */
  own: Certificate
  /** A certificate for another key, good for one host name. */
  issue(host: string): Certificate
}

/** A certificate authority, made anew: no key lies in the source. */
export function makeAuthority(name: string): Authority {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-certificate-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  const write = (host: string, { privateKey, publicKey }: typeof pair, isAuthority: boolean): Certificate => {
    const cert = sign(host, publicKey, { name, key: pair.privateKey }, isAuthority)
    const certFile = join(directory, `${host}.pem`)
    writeFileSync(certFile, cert)
    return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, cert, certFile }
  }
  return {
    own: write(name, pair, true),
    issue: (host) => write(host, generateKeyPairSync('ec', { namedCurve: 'P-256' }), false),
  }
}

function sign(host: string, publicKey: KeyObject, by: { name: string; key: KeyObject }, isAuthority: boolean): string {
  const now = Date.now()
  const named = (name: string) => sequence(set(sequence(oid('550403'), der(0x0c, name))))
  const algorithm = sequence(oid('2a8648ce3d040302'))
  // A certificate authority can be trusted by itself.
  const authority = [der(0x01, Buffer.from([0xff]))]
  const extensions = sequence(
    sequence(oid('551d13'), ...authority, der(0x04, sequence(...(isAuthority ? authority : [])))),
    sequence(oid('551d11'), der(0x04, sequence(der(0x82, host)))),
  )
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    named(by.name),
    sequence(time(now - 60 * 60 * 1000), time(now + 24 * 60 * 60 * 1000)),
    named(host),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  )
  const signature = Buffer.concat([Buffer.from([0]), signBytes('sha256', body, by.key)])
  const lines = sequence(body, algorithm, der(0x03, signature))
    .toString('base64')
    .match(/.{1,64}/g)!
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

function der(tag: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content as string)
  const { length } = bytes
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...head]), bytes])
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function set(...parts: Buffer[]): Buffer {
  return der(0x31, Buffer.concat(parts))
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'))
}

function time(at: number): Buffer {
  return der(0x18, `${new Date(at).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`)
}
