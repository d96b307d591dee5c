import { type Config, type Loaded, misgivings } from '../config/config.ts'
import { keyOf, type SettingName, settingNames, settingOf, variableOf } from '../config/env.ts'
import { masterKeyFile, readMasterKey } from '../config/master-key.ts'
import { checkCertificates, rehearseDataDirectory } from '../config/rehearse.ts'
import { masked } from '../config/secrets.ts'
import { checkTemplates } from '../start.ts'
import type { Command } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { loadFrom, settingFlags } from './load-config.ts'
import { UsageError } from './usage-error.ts'

export const command: Command = {
  summary: 'check or print the configuration',
  help: `ntt-auth config check [--config FILE] [--<setting> VALUE]
ntt-auth config print [--json] [--origin] [--config FILE] [--<setting> VALUE]

check   says whether the server would start with this configuration, or everything that is wrong with it (exit 78)
print   prints every setting as it counts, defaults included and secrets masked

  --config FILE       the JSON file with settings, instead of NTT_AUTH_CONFIG_FILE
  --<setting> VALUE   any setting that is no secret, e.g. --port 8081; "ntt-auth help settings" lists them
  --json              print an object, in the form of the configuration file
  --origin            print where each value comes from

Examples:
  ntt-auth config check
  ntt-auth config check --config /etc/ntt-auth.json
  ntt-auth config print --origin`,
  options: { ...settingFlags, json: { type: 'boolean' }, origin: { type: 'boolean' } },
  async run(invocation) {
    const [action, ...rest] = invocation.arguments
    if ((action !== 'check' && action !== 'print') || rest.length > 0) {
      throw new UsageError('Call it as "ntt-auth config check" or "ntt-auth config print".')
    }
    const { json, origin } = invocation.options
    if (action === 'check' && (json || origin)) throw new UsageError('--json and --origin belong to "config print".')
    const loaded = loadFrom(invocation)
    if (action === 'print') {
      for (const line of json ? [asJson(loaded, origin === true)] : asLines(loaded, origin === true)) {
        invocation.print(line)
      }
      return exitCodes.ok
    }
    if (loaded.config.masterKeys === null) readMasterKey(masterKeyFile(loaded.config.dataDir))
    rehearseDataDirectory(loaded.config)
    checkCertificates(loaded.config)
    checkTemplates(loaded.config)
    for (const text of misgivings(loaded.config)) invocation.tell(`Warning: ${text}`)
    invocation.print('Configuration is fine.')
    return exitCodes.ok
  },
}

function asLines({ config, origins }: Loaded, origin: boolean): string[] {
  return settingNames.map((name) => {
    const value = valueIn(config, name)
    const line = `${variableOf(name)}=${value === null ? '' : settingOf(name).type.write(value)}`
    return origin ? `${line}  # ${origins[name]}` : line
  })
}

function asJson({ config, origins }: Loaded, origin: boolean): string {
  const entries = settingNames.map((name) => {
    const value = jsonValue(config, name)
    return [keyOf(name), origin ? { value, origin: origins[name] } : value]
  })
  return JSON.stringify(Object.fromEntries(entries), null, 2)
}

function jsonValue(config: Config, name: SettingName): unknown {
  const { type, secret } = settingOf(name)
  const value = valueIn(config, name)
  if (value === null) return null
  // Where an empty list has a word of its own, the file has to hold that.
  if (Array.isArray(value) && value.length === 0) return type.write(value) || value
  if (Array.isArray(value)) return secret ? value.map(() => masked) : value
  return type.json === undefined ? type.write(value) : value
}

function valueIn(config: Config, name: SettingName): unknown {
  if (name === 'MASTER_KEY') return config.masterKeys
  const field = name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
  return config[field as keyof Config]
}
