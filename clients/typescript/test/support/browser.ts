import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { type Browser, chromium } from 'playwright-core'

const executable = '/usr/bin/chromium'
export const hasChromium = existsSync(executable)

if (!hasChromium && process.env.NTT_AUTH_TEST_REQUIRE_ALL === '1') {
  throw new Error(`There is no ${executable}: install Debian's package "chromium".`)
}
if (!hasChromium) console.error(`SKIPPED: everything in a browser, because there is no ${executable}.`)

export function startBrowser(): Promise<Browser> {
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-dev-shm-usage',
  ]
  return chromium.launch({ executablePath: executable, args })
}

/** The client as a browser loads it, from its sources. */
export async function bundle(): Promise<string> {
  const resolveDir = fileURLToPath(new URL('../../src', import.meta.url))
  const { outputFiles } = await build({
    stdin: { contents: `export * from './index.ts'; export * from './storage/cookies.ts'`, resolveDir, loader: 'ts' },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  })
  return outputFiles[0]!.text
}

export type Site = { origin: string; close(): Promise<void> }

/** A web site with the example page, an empty one, and the client beside them. */
export async function startSite(): Promise<Site> {
  const script = await bundle()
  const example = readFileSync(new URL('../../examples/browser/index.html', import.meta.url), 'utf8')
  const files: Record<string, [string, string]> = {
    '/': ['text/html', example],
    '/empty': ['text/html', '<!doctype html><title>Empty</title>'],
    '/ntt-auth-client.js': ['text/javascript', script],
  }
  const server = createServer((request, response) => {
    const file = files[request.url!.split('?')[0]!]
    if (!file) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': `${file[0]}; charset=utf-8` }).end(file[1])
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
