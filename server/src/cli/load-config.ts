import type { ParseArgsOptionsConfig } from 'node:util'
import { type Config, type Loaded, loadConfig } from '../config/config.ts'
import { flagOf, settingNames, settingOf } from '../config/env.ts'
import type { Invocation } from './command.ts'

/** The options of a command that needs the configuration: every setting that is no secret, and `--config FILE`. */
export const settingFlags: ParseArgsOptionsConfig = Object.fromEntries(
  ['config', ...settingNames.filter((name) => !settingOf(name).secret).map(flagOf)].map((flag) => [
    flag,
    { type: 'string' },
  ]),
)

/**
 * The configuration of this invocation; warnings go to standard error.
 * @throws ConfigError with everything that is wrong
 */
export function configFrom(invocation: Invocation): Config {
  return loadFrom(invocation).config
}

export function loadFrom({ options, env, tell }: Invocation): Loaded {
  const given = Object.entries(options).filter(([flag]) => Object.hasOwn(settingFlags, flag))
  const loaded = loadConfig({ env, flags: Object.fromEntries(given) as Record<string, string> })
  for (const warning of loaded.warnings) tell(`Warning: ${warning}`)
  return loaded
}
