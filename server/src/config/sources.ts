import { dirname, resolve } from 'node:path'
import { ConfigError, type ConfigProblem } from './config-error.ts'
import {
  configFileVariable,
  flagOf,
  keyOf,
  prefix,
  type SettingName,
  settingNames,
  settingOf,
  variableOf,
} from './env.ts'
import { nearest } from './nearest.ts'
import { fileProblem, isTooOpen, type ReadFile } from './read-file.ts'

export type Environment = Record<string, string | undefined>
/** What was given on the command line, by long name without dashes. */
export type Flags = Record<string, string | undefined>

export type Given = { text: string; source: string }

export type Collected = {
  /** The text that counts for each setting that was given anywhere. */
  given: Map<SettingName, Given>
  problems: ConfigProblem[]
  warnings: string[]
}

type Room = Collected & { readFile: ReadFile }

/**
 * Gathers the text of each setting: flag before environment before file.
 * @throws ConfigError for a configuration file that cannot be read, alone, because nothing after it would be certain
 */
export function collect(env: Environment, flags: Flags, readFile: ReadFile): Collected {
  const room: Room = { given: new Map(), problems: [], warnings: [], readFile }
  // The lowest first: each later source overwrites.
  fromFile(room, env, flags)
  fromEnvironment(room, env)
  fromFlags(room, flags)
  return { given: room.given, problems: room.problems, warnings: room.warnings }
}

function fromFlags(room: Room, flags: Flags): void {
  for (const [flag, text] of Object.entries(flags)) {
    if (text === undefined || flag === 'config') continue
    const name = settingNames.find((known) => flagOf(known) === flag)
    if (name === undefined) {
      const known = settingNames.filter((each) => !settingOf(each).secret).map(flagOf)
      room.problems.push(unknown(`--${flag}`, 'flag', nearest(flag, known), '--'))
    } else if (settingOf(name).secret) {
      room.problems.push({ name: variableOf(name), source: 'flag', ...secretFlagRefusal(name) })
    } else {
      room.given.set(name, { text, source: 'flag' })
    }
  }
}

export function secretFlagRefusal(name: SettingName): { problem: string; remedy: string } {
  return {
    problem: `A secret cannot be given as --${flagOf(name)}: everybody on this machine would see it in the process list.`,
    remedy: `Set ${variableOf(name)}, or put it into a file and name that in ${variableOf(name)}_FILE.`,
  }
}

function fromEnvironment(room: Room, env: Environment): void {
  const known = new Set([configFileVariable, ...settingNames.flatMap(variablesOf)])
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith(prefix) || variable.startsWith(`${prefix}TEST_`) || known.has(variable)) continue
    room.problems.push(openSetting(variable) ?? unknown(variable, 'environment', nearest(variable, known)))
  }
  for (const name of settingNames) {
    const variable = variableOf(name)
    // Compose and systemd pass variables on as empty; that means "not set".
    const text = env[variable] || undefined
    const path = (settingOf(name).secret && env[`${variable}_FILE`]) || undefined
    if (text !== undefined && path !== undefined) {
      room.problems.push(both(variable, `${variable}_FILE`, 'environment'))
    } else if (path !== undefined) {
      readSecret(room, name, `${variable}_FILE`, path, 'environment')
    } else if (text !== undefined) {
      room.given.set(name, { text, source: 'environment' })
    }
  }
}

function variablesOf(name: SettingName): string[] {
  const variable = variableOf(name)
  return settingOf(name).secret ? [variable, `${variable}_FILE`] : [variable]
}

function openSetting(variable: string): ConfigProblem | undefined {
  const name = settingNames.find((each) => `${variableOf(each)}_FILE` === variable)
  if (name === undefined) return undefined
  return {
    name: variable,
    source: 'environment',
    problem: 'Only secrets are read from files of their own.',
    remedy: `Set ${variableOf(name)}.`,
  }
}

function fromFile(room: Room, env: Environment, flags: Flags): void {
  const path = flags.config ?? (env[configFileVariable] || undefined)
  if (path === undefined) return
  const source = `file ${path}`
  const { entries, mode } = readObject(
    room.readFile,
    path,
    flags.config === undefined ? configFileVariable : '--config',
  )
  const keys = new Map(settingNames.map((name) => [keyOf(name), name]))
  const fileKeys = new Map(
    settingNames.filter((name) => settingOf(name).secret).map((name) => [`${keyOf(name)}_file`, name]),
  )
  for (const [key, value] of Object.entries(entries)) {
    if (value === null && (keys.has(key) || fileKeys.has(key))) continue
    const name = keys.get(key)
    const secretName = fileKeys.get(key)
    if (name !== undefined) {
      const text = textOf(name, value)
      if (text === undefined) {
        const problem = 'The value has the wrong JSON type.'
        room.problems.push({ name: key, source, problem, remedy: `Use ${jsonForm(name)}.` })
        continue
      }
      room.given.set(name, { text, source })
      if (settingOf(name).secret && isTooOpen(mode)) room.warnings.push(tooOpen(path, key))
    } else if (secretName === undefined) {
      room.problems.push(unknown(key, source, nearest(key.toLowerCase(), [...keys.keys(), ...fileKeys.keys()])))
    } else if ((entries[keyOf(secretName)] ?? null) !== null) {
      room.problems.push(both(keyOf(secretName), key, source))
    } else if (typeof value === 'string' && value !== '') {
      readSecret(room, secretName, key, resolve(dirname(path), value), source)
    } else {
      room.problems.push({ name: key, source, problem: 'The value is not a path.', remedy: 'Use a string.' })
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
  return { entries: entries as Record<string, unknown>, mode }
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

function readSecret(room: Room, name: SettingName, variable: string, path: string, source: string): void {
  const fail = (problem: string, remedy: string) => room.problems.push({ name: variable, source, problem, remedy })
  try {
    const { text, mode } = room.readFile(path)
    const secret = text.replace(/\r?\n$/, '')
    if (secret === '') {
      fail(`The file ${path} is empty.`, 'Write the secret into it, or remove the setting.')
      return
    }
    if (isTooOpen(mode)) room.warnings.push(tooOpen(path, variable))
    room.given.set(name, { text: secret, source: `${source}, by ${variable}` })
  } catch (error) {
    fail(`The file ${path} ${fileProblem(error)}.`, 'Name a file that this user may read.')
  }
}

function tooOpen(path: string, name: string): string {
  return `${path} holds a secret (${name}) and is open to more users than it should be: run chmod 640 ${path}`
}

function both(name: string, fileName: string, source: string): ConfigProblem {
  return { name, source, problem: `Both ${name} and ${fileName} are set.`, remedy: 'Remove one of them.' }
}

function unknown(name: string, source: string, meant: string | undefined, dashes = ''): ConfigProblem {
  const remedy = meant === undefined ? 'Remove it.' : `Did you mean ${dashes}${meant}?`
  return { name, source, problem: 'There is no such setting.', remedy }
}
