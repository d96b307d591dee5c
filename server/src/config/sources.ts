import type { ConfigProblem } from './config-error.ts'
import { fromFile } from './config-file.ts'
import { configFileVariable, flagOf, prefix, type SettingName, settingNames, settingOf, variableOf } from './env.ts'
import { bothSet, type Collection, refuse, takeSecretFile, unknownName } from './given.ts'
import { nearest } from './nearest.ts'
import type { ReadFile } from './read-file.ts'

export type Environment = Record<string, string | undefined>
/** What was given on the command line, by long name without dashes. */
export type Flags = Record<string, string | undefined>

/**
 * Gathers the text of each setting: flag before environment before file.
 * @throws ConfigError for a configuration file that cannot be read, alone, because nothing after it would be certain
 */
export function collect(env: Environment, flags: Flags, readFile: ReadFile): Collection {
  const collection: Collection = { given: new Map(), refused: new Set(), problems: [], warnings: [] }
  // Empty means "not set", see below.
  const path = flags.config ?? (env[configFileVariable] || undefined)
  if (path !== undefined) {
    fromFile(collection, { path, namedBy: flags.config === undefined ? configFileVariable : '--config', readFile })
  }
  fromEnvironment(collection, env, readFile)
  fromFlags(collection, flags)
  return collection
}

function fromFlags(collection: Collection, flags: Flags): void {
  for (const [flag, text] of Object.entries(flags)) {
    if (text === undefined || flag === 'config') continue
    const name = settingNames.find((known) => flagOf(known) === flag)
    if (name === undefined) {
      const known = settingNames.filter((each) => !settingOf(each).secret).map((each) => `--${flagOf(each)}`)
      collection.problems.push(unknownName(`--${flag}`, 'flag', nearest(`--${flag}`, known)))
    } else if (settingOf(name).secret) {
      refuse(collection, name, { name: variableOf(name), source: 'flag', ...secretFlagRefusal(name) })
    } else {
      collection.given.set(name, { text, source: 'flag' })
    }
  }
}

export function secretFlagRefusal(name: SettingName): { problem: string; remedy: string } {
  return {
    problem: `A secret cannot be given as --${flagOf(name)}: everybody on this machine would see it in the process list.`,
    remedy: `Set ${variableOf(name)}, or put it into a file and name that in ${variableOf(name)}_FILE.`,
  }
}

function fromEnvironment(collection: Collection, env: Environment, readFile: ReadFile): void {
  const known = new Set([configFileVariable, ...settingNames.flatMap(variablesOf)])
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith(prefix) || variable.startsWith(`${prefix}TEST_`) || known.has(variable)) continue
    const problem = openSetting(variable) ?? unknownName(variable, 'environment', nearest(variable, known))
    collection.problems.push(problem)
  }
  for (const setting of settingNames) {
    const [name, fileName] = variablesOf(setting)
    // Compose and systemd pass variables on as empty; that means "not set".
    const text = env[name] || undefined
    const path = (fileName !== undefined && env[fileName]) || undefined
    if (fileName === undefined || path === undefined) {
      if (text !== undefined) collection.given.set(setting, { text, source: 'environment' })
    } else if (text !== undefined) {
      refuse(collection, setting, bothSet(name, fileName, 'environment'))
    } else {
      takeSecretFile(collection, setting, { name: fileName, path, source: 'environment', readFile })
    }
  }
}

function variablesOf(name: SettingName): [string] | [string, string] {
  const variable = variableOf(name)
  return settingOf(name).secret ? [variable, `${variable}_FILE`] : [variable]
}

function openSetting(variable: string): ConfigProblem | undefined {
  const name = settingNames.find((each) => `${variableOf(each)}_FILE` === variable)
  if (name === undefined) return undefined
  const problem = 'Only secrets are read from files of their own.'
  return { name: variable, source: 'environment', problem, remedy: `Set ${variableOf(name)}.` }
}
