import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { command as config } from '../../src/cli/config.ts'
import { command as doctor } from '../../src/cli/doctor.ts'
import { command as serve } from '../../src/cli/serve.ts'
import { ConfigError } from '../../src/config/config-error.ts'
import { runCommand } from '../support/run-command.ts'

const directory = mkdtempSync(join(tmpdir(), 'ntt-auth-rehearsal-'))
after(() => rmSync(directory, { recursive: true, force: true }))
const file = join(directory, 'file')
writeFileSync(file, 'words')
const missing = join(directory, 'missing')

const refused: Record<string, { env: Record<string, string>; says: RegExp }> = {
  'a sampler that nobody knows': {
    env: { NTT_AUTH_TRACING: 'on', OTEL_TRACES_SAMPLER: 'bogus' },
    says: /OTEL_TRACES_SAMPLER.*"bogus" is not a sampler/s,
  },
  'a share that is none': {
    env: { NTT_AUTH_TRACING: 'on', OTEL_TRACES_SAMPLER_ARG: '2' },
    says: /OTEL_TRACES_SAMPLER_ARG/,
  },
  'a protocol that is not spoken': {
    env: { NTT_AUTH_TRACING: 'on', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    says: /"grpc" is not spoken here/,
  },
  'a data directory that cannot be made': {
    env: { NTT_AUTH_DATA_DIR: '/proc/nope' },
    says: /NTT_AUTH_DATA_DIR.*\/proc\/nope cannot be made/s,
  },
  'a data directory that is a file': {
    env: { NTT_AUTH_DATA_DIR: file },
    says: /NTT_AUTH_DATA_DIR.*file is no directory/s,
  },
  'a data directory below a file': {
    env: { NTT_AUTH_DATA_DIR: join(file, 'below') },
    says: /file is no directory|lies below something that is no directory/,
  },
  'templates that are not there': { env: { NTT_AUTH_MAIL_TEMPLATES: missing }, says: /There is no directory/ },
  'templates in a file': { env: { NTT_AUTH_MAIL_TEMPLATES: file }, says: /file is no directory/ },
  'certificates of a mail server that are not there': {
    env: { NTT_AUTH_SMTP_URL: `smtp://mail.invalid?ca=${missing}` },
    says: /NTT_AUTH_SMTP_URL.*does not exist/s,
  },
}

describe('what keeps a server from starting', () => {
  for (const [what, { env: given, says }] of Object.entries(refused)) {
    it(`is found by config check and doctor beforehand: ${what}`, async () => {
      const env = { NTT_AUTH_DATA_DIR: join(directory, 'new'), NTT_AUTH_PORT: '0', ...given }
      const isTheMistake = (error: unknown) => error instanceof ConfigError && says.test(error.message)
      await assert.rejects(runCommand(config, ['check'], env), isTheMistake)
      const { code, stdout } = await runCommand(doctor, [], env)
      assert.equal(code, 2, stdout)
      assert.match(stdout, says)
      assert.doesNotMatch(stdout, /chown/)
      await assert.rejects(runCommand(serve, [], { ...env, NTT_AUTH_MANAGEMENT_PORT: '0' }), isTheMistake)
      assert.deepEqual(
        readdirSync(directory).filter((name) => name.startsWith('.')),
        [],
      )
    })
  }
})
