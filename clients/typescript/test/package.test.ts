import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { builtinModules, createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { build } from 'esbuild'
import { publint } from 'publint'

const here = fileURLToPath(new URL('..', import.meta.url))
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
const manifest = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'))
const doors = Object.keys(manifest.exports).filter((each) => each !== './package.json')

/** What a browser would load of it, minified. */
async function bundled(source: string, platform: 'browser' | 'node' = 'browser'): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: join(here, 'src'), loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    platform,
    write: false,
  })
  return outputFiles[0]!.text
}
const zipped = async (source: string, platform?: 'node') =>
  gzipSync(await bundled(source, platform), { level: 9 }).length

describe('what a page loads', () => {
  it('is at most 10240 bytes, all that there is, minified and gzipped', async () => {
    expect(await zipped(`export * from './index.ts'`)).toBeLessThanOrEqual(10_240)
  })

  it('is at most 7168 bytes for the session alone, and holds nothing of accounts, cookies and pages', async () => {
    expect(await zipped(`export { SessionClient } from './index.ts'`)).toBeLessThanOrEqual(7_168)
    const text = await bundled(`export { SessionClient } from './index.ts'`)
    for (const other of ['/v1/users/me', 'indexedDB', 'Another tab', 'visibilitychange']) {
      expect(text).not.toContain(other)
    }
  })

  it('is at most 8192 bytes for what verifies tokens', async () => {
    expect(await zipped(`export * from './verify/index.ts'`, 'node')).toBeLessThanOrEqual(8_192)
  })

  it('imports nothing at all', async () => {
    const text = await bundled(`export * from './index.ts'`)
    for (const name of builtinModules) expect(text).not.toContain(`"node:${name}"`)
    expect(text).not.toMatch(/^import /m)
  })
})

describe('the package', () => {
  let directory: string
  let files: string[]
  let tarball: Buffer

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'ntt-auth-pack-'))
    const npm = { cwd: here, encoding: 'utf8' } as const
    const [packed] = JSON.parse(
      execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', directory], npm),
    )
    files = packed.files.map(({ path }: { path: string }) => path)
    tarball = readFileSync(join(directory, readdirSync(directory)[0]!))
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it('holds what is published and nothing else', () => {
    const others = files.filter((each) => !/^dist\/.+\.(js|d\.ts)$/.test(each))
    expect(others.sort()).toEqual(['LICENSE', 'README.md', 'package.json'])
    expect(tarball.length).toBeLessThan(200_000)
  })

  it('has a page of its own that points to nothing outside of it', () => {
    const text = readFileSync(join(here, 'README.md'), 'utf8')
    const pointed = [...text.matchAll(/\]\(([^)#]*)(#[^)]*)?\)/g)].map(([, target]) => target!)
    for (const target of pointed) if (target !== '' && !target.startsWith('https:')) expect(files).toContain(target)
    expect(text).toMatch(/in the\s+repository, and not in the package/)
  })

  it('has types that a program of Node alone understands', () => {
    const project = mkdtempSync(join(here, '.types-'))
    try {
      const text = doors
        .map((door, index) => `export * as door${index} from 'ntt-auth-client${door.slice(1)}'`)
        .join('\n')
      writeFileSync(join(project, 'all.ts'), text)
      const compilerOptions = {
        ...{ target: 'es2022', lib: ['es2022'], module: 'nodenext', strict: true, exactOptionalPropertyTypes: true },
        ...{ skipLibCheck: false, noEmit: true, types: ['node'] },
      }
      writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['all.ts'] }))
      execFileSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8', stdio: 'pipe' })
    } catch (error) {
      throw new Error((error as { stdout: string }).stdout)
    } finally {
      rmSync(project, { recursive: true, force: true })
    }
    // What these are called differs from one release of Node's types to the next.
    for (const each of files.filter((file) => file.endsWith('.d.ts'))) {
      expect([each, readFileSync(join(here, each), 'utf8')]).not.toEqual([
        each,
        expect.stringMatching(/\b(RequestInfo|JsonWebKey|CryptoKey)\b/),
      ])
    }
  })

  it('is published with provenance, and by nothing but the workflow', () => {
    const workflow = readFileSync(join(here, '../../.github/workflows/publish-client.yml'), 'utf8')
    expect(manifest.publishConfig).toEqual({ access: 'public', provenance: true })
    expect(workflow).toMatch(/id-token: write/)
    expect(workflow).toMatch(/npm run test:client[\s\S]+publish --workspace ntt-auth-client\n/)
    expect(workflow).not.toMatch(/secrets\./)
  })

  it('has types and code behind each of its doors', () => {
    for (const door of doors) {
      const { types, default: code } = manifest.exports[door]
      expect([types, existsSync(join(here, types))]).toEqual([types, true])
      expect([code, existsSync(join(here, code))]).toEqual([code, true])
    }
  })

  it('is in order, as publint sees it', async () => {
    const { messages } = await publint({ pkgDir: here, strict: true })
    expect(messages).toEqual([])
  })

  it('has types that every way of resolving understands, where ES modules are', async () => {
    const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)))
    if (!analysis.types) throw new Error('It has no types.')
    // ESM only, on purpose: CommonJS loads it by `require` too, and resolution without "exports" is of before Node 12.
    const problems = analysis.problems.filter(
      (each) => each.kind !== 'CJSResolvesToESM' && !('resolutionKind' in each && each.resolutionKind === 'node10'),
    )
    expect(problems).toEqual([])
  })

  it('can be imported by Node as it is published, and does nothing then', () => {
    const program = `
      const before = process.getActiveResourcesInfo().length
      const doors = ${JSON.stringify(doors)}
      const names = []
      for (const door of doors) names.push(...Object.keys(await import('ntt-auth-client' + door.slice(1))))
      if (process.getActiveResourcesInfo().length > before) throw new Error('Something was started.')
      console.log(names.join(' '))`
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: here, encoding: 'utf8' })
    for (const name of ['AuthClient', 'createVerifier', 'fileStorage', 'requireAuth', 'mockAuthServer']) {
      expect(said).toContain(name)
    }
  })
})
