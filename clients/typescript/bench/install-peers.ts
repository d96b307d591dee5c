/** The other clients, installed under `.peers/` when they are needed first. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const directory: string = fileURLToPath(new URL('../.peers', import.meta.url))
export const packages: Record<string, string> = {
  '@supabase/auth-js': '2.119.1',
  'oidc-client-ts': '3.5.0',
  '@badgateway/oauth2-client': '3.3.1',
  'openid-client': '6.9.0',
  'better-auth': '1.7.25',
  '@auth0/auth0-spa-js': '2.27.0',
}

if (!existsSync(`${directory}/node_modules/oidc-client-ts`)) {
  mkdirSync(directory, { recursive: true })
  writeFileSync(`${directory}/package.json`, '{ "private": true, "type": "module" }\n')
  const flags = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--legacy-peer-deps']
  const wanted = Object.entries(packages).map(([name, version]) => `${name}@${version}`)
  execFileSync('npm', ['install', '--prefix', directory, ...flags, ...wanted], { stdio: 'inherit' })
}
