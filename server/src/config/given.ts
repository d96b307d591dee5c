import type { ConfigProblem } from './config-error.ts'
import { type SettingName, settingOf } from './env.ts'
import { fileProblem, isTooOpen, type ReadFile } from './read-file.ts'

export type Given = { text: string; source: string }

/** What the sources hold, before anything is read as a value. */
export type Collection = {
  /** The text that counts for each setting that was given anywhere; a later source overwrites an earlier one. */
  given: Map<SettingName, Given>
  /** Settings that were given in a way that was refused: they must not be taken for not set. */
  refused: Set<SettingName>
  problems: ConfigProblem[]
  warnings: string[]
}

export function refuse(collection: Collection, setting: SettingName, problem: ConfigProblem): void {
  collection.refused.add(setting)
  collection.problems.push(problem)
}

/** Takes a secret from a file of its own, which `name` (a variable or a key) points at. */
export function takeSecretFile(
  collection: Collection,
  setting: SettingName,
  from: { name: string; path: string; source: string; readFile: ReadFile },
): void {
  const { name, path, source, readFile } = from
  try {
    const { text, mode } = readFile(path)
    const secret = text.replace(/\r?\n$/, '')
    if (secret === '') {
      const remedy = 'Write the secret into it, or remove the setting.'
      refuse(collection, setting, { name, source, problem: `The file ${path} is empty.`, remedy })
      return
    }
    warnIfTooOpen(collection, setting, { name, path, mode })
    collection.given.set(setting, { text: secret, source: `${source}, by ${name}` })
  } catch (error) {
    const problem = `The file ${path} ${fileProblem(error)}.`
    refuse(collection, setting, { name, source, problem, remedy: 'Name a file that this user may read.' })
  }
}

export function warnIfTooOpen(
  { warnings }: Collection,
  setting: SettingName,
  { name, path, mode }: { name: string; path: string; mode: number },
): void {
  if (!settingOf(setting).secret || !isTooOpen(mode)) return
  warnings.push(`${path} holds a secret (${name}) and is open to more users than it should be: run chmod 640 ${path}`)
}

export function bothSet(name: string, fileName: string, source: string): ConfigProblem {
  return { name, source, problem: `Both ${name} and ${fileName} are set.`, remedy: 'Remove one of them.' }
}

export function unknownName(name: string, source: string, meant: string | undefined): ConfigProblem {
  const remedy = meant === undefined ? 'Remove it.' : `Did you mean ${meant}?`
  return { name, source, problem: 'There is no such setting.', remedy }
}
