import { dirname, resolve } from 'node:path'
import { ConfigError } from './config-error.ts'
import { keyOf, type SettingName, settingNames, settingOf } from './env.ts'
import { bothSet, type Collection, refuse, takeSecretFile, unknownName, warnIfTooOpen } from './given.ts'
import { nearest } from './nearest.ts'
import { fileProblem, type ReadFile } from './read-file.ts'

const keys = new Map(settingNames.map((name) => [keyOf(name), name]))
const secretFileKeys = new Map(
  settingNames.filter((name) => settingOf(name).secret).map((name) => [`${keyOf(name)}_file`, name]),
)

/**
 * Takes the settings of a JSON file.
 * @throws ConfigError for a file that cannot be read as an object
 */
export function fromFile(
  collection: Collection,
  { path, namedBy, readFile }: { path: string; namedBy: string; readFile: ReadFile },
): void {
  const source = `file ${path}`
  const { entries, mode } = readObject(readFile, path, namedBy)
  for (const [key, value] of Object.entries(entries)) {
    const setting = keys.get(key)
    const secret = secretFileKeys.get(key)
    if (setting !== undefined && value !== null) {
      const text = textOf(setting, value)
      if (text === undefined) {
        const problem = 'The value has the wrong JSON type.'
        refuse(collection, setting, { name: key, source, problem, remedy: `Use ${jsonForm(setting)}.` })
      } else {
        collection.given.set(setting, { text, source })
        warnIfTooOpen(collection, setting, { name: key, path, mode })
      }
    } else if (secret !== undefined && value !== null) {
      if ((entries[keyOf(secret)] ?? null) !== null) {
        refuse(collection, secret, bothSet(keyOf(secret), key, source))
      } else if (typeof value !== 'string' || value === '') {
        refuse(collection, secret, { name: key, source, problem: 'The value is not a path.', remedy: 'Use a string.' })
      } else {
        const secretPath = resolve(dirname(path), value)
        takeSecretFile(collection, secret, { name: key, path: secretPath, source, readFile })
      }
    } else if (setting === undefined && secret === undefined) {
      const meant = nearest(key.toLowerCase(), [...keys.keys(), ...secretFileKeys.keys()])
      collection.problems.push(unknownName(key, source, meant))
    }
  }
}

function readObject(readFile: ReadFile, path: string, name: string) {
  const fail = (problem: string, remedy: string) => new ConfigError([{ name, source: `file ${path}`, problem, remedy }])
  const { text, mode } = attempt(
    () => readFile(path),
    (error) => fail(`The configuration file ${fileProblem(error)}.`, 'Name a readable JSON file.'),
  )
  const entries: unknown = attempt(
    () => JSON.parse(text.replace(/^\uFEFF/, '')),
    // The parser's own words quote the text, which may be a secret.
    (error) => fail(`It is not JSON${place(text, error)}.`, 'Mend it; the other settings are checked after that.'),
  )
  if (typeof entries !== 'object' || entries === null || Array.isArray(entries)) {
    throw fail('It is not a JSON object.', 'Write an object of settings, as in {"port": 8081}.')
  }
  const twice = keyTwice(text)
  if (twice !== undefined) throw fail(`"${twice}" stands in it twice.`, 'Remove one of them.')
  return { entries: entries as Record<string, unknown>, mode }
}

const tokens = /"(?:[^"\\]|\\.)*"(?=(\s*:)?)|[{}[\]]/g

/** Settings are looked at, not what lies inside their values; of two, JSON.parse would silently take the last. */
function keyTwice(text: string): string | undefined {
  const seen = new Set<string>()
  let depth = 0
  for (const [token, colon] of text.matchAll(tokens)) {
    if (token === '{' || token === '[') depth++
    else if (token === '}' || token === ']') depth--
    else if (colon !== undefined && depth === 1) {
      const name = JSON.parse(token) as string
      if (seen.has(name)) return name
      seen.add(name)
    }
  }
  return undefined
}

function attempt<T>(work: () => T, failure: (error: unknown) => Error): T {
  try {
    return work()
  } catch (error) {
    throw failure(error)
  }
}

function place(text: string, error: unknown): string {
  const offset = /at position (\d+)/.exec((error as Error).message)?.[1]
  if (offset === undefined) return ''
  const lines = text.slice(0, Number(offset)).split('\n')
  return ` (line ${lines.length}, column ${lines.at(-1)!.length + 1})`
}

function textOf(name: SettingName, value: unknown): string | undefined {
  if (typeof value === 'string') return value
  const { json } = settingOf(name).type
  if (json === 'number' && typeof value === 'number') return String(value)
  if (json === 'boolean' && typeof value === 'boolean') return value ? 'on' : 'off'
  const isList = json === 'array' && Array.isArray(value) && value.every((entry) => typeof entry === 'string')
  return isList ? value.join(',') : undefined
}

function jsonForm(name: SettingName): string {
  const { json } = settingOf(name).type
  if (json === undefined) return 'a string'
  if (json === 'array') return 'a string or an array of strings'
  return `a string or a ${json}`
}
