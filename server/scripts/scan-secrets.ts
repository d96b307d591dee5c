/**
 * Looks for secrets in every file that is tracked and, with --history, in everything that ever was.
 * Exits with 1 when it finds one.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

type Finding = { place: string; line: number; kind: string; text: string }

const patterns: Record<string, RegExp> = {
  'a private key': /-----BEGIN [A-Z ]*PRIVATE KEY-----\s*\\?n?[A-Za-z0-9+/=]{40,}/,
  'a private JWK': /"d"\s*:\s*"[A-Za-z0-9_-]{40,}"/,
  'an access key of a cloud': /\b(AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{35}\b/,
  'a token of a forge or a registry':
    /\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60,}|glpat-[\w-]{20}|npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,})\b/,
  'a token of a chat or a payment service': /\bxox[abprs]-[\w-]{20,}|\b[rs]k_live_[0-9A-Za-z]{20,}/,
  'a signed token': /\beyJ[\w-]{20,}\.eyJ[\w-]{20,}\.[\w-]{40,}/,
  'a refresh token of ours': /\bnttr_[\w-]{60,}/,
  'a secret of a service of ours': /\bntts_[\w-]{30,}/,
  'a password in an address':
    /\b(mysql|mariadb|postgres|postgresql|smtps?|redis|https?):\/\/[^\s:@/'"`]+:([^\s@'"`{}$<*]{6,})@/,
  'a value for a setting that is secret': /\bNTT_AUTH_MASTER_KEY=["']?[A-Za-z0-9_-]{43}\b/,
}

/** Made up: what the documentation shows, and addresses of databases in tests. */
const known =
  /^nttr_AR4nq80|^ntts_ASNFZ4m|USER:PASSWORD|user:password|:\/\/(u%40x|u|nobody):|secret|s3cret|hunter2|canary/i

/** @param place what to call it in a finding */
export function scan(place: string, text: string): Finding[] {
  const found: Finding[] = []
  for (const [index, line] of text.split('\n').entries()) {
    for (const [kind, pattern] of Object.entries(patterns)) {
      const match = pattern.exec(line)
      if (!match || known.test(match[0])) continue
      // Tests are full of addresses that lead nowhere.
      if (kind === 'a password in an address' && /\.test\.ts/.test(place)) continue
      found.push({ place, line: index + 1, kind, text: `${match[0].slice(0, 12)}…` })
    }
  }
  return found
}

export const root = fileURLToPath(new URL('../../', import.meta.url))
const git = (...args: string[]) =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 1024 * 1024 * 1024 })

/** Whether there is a repository to look through: a source archive has none. */
export function isRepository(): boolean {
  try {
    return git('rev-parse', '--is-inside-work-tree').trim() === 'true'
  } catch {
    return false
  }
}

export function scanTree(): Finding[] {
  const files = git('ls-files', '-z').split('\0').filter(Boolean)
  return files.flatMap((file) => scan(file, readFileSync(root + file, 'latin1')))
}

/** Every line that any commit ever added. */
export function scanHistory(): Finding[] {
  let [commit, file] = ['', '']
  const found: Finding[] = []
  for (const line of git('log', '--all', '-p', '--unified=0', '--no-color', '--format=commit %h').split('\n')) {
    if (line.startsWith('commit ')) commit = line.slice(7)
    else if (line.startsWith('+++ ')) file = line.slice(6)
    else if (line.startsWith('+')) found.push(...scan(`commit ${commit}, ${file}`, line.slice(1)))
  }
  return found
}

if (import.meta.main) {
  const found = process.argv.includes('--history') ? [...scanTree(), ...scanHistory()] : scanTree()
  for (const { place, line, kind, text } of found) console.error(`${place}:${line}: looks like ${kind}: ${text}`)
  console.log(`${found.length} secrets found.`)
  process.exitCode = found.length > 0 ? 1 : 0
}
