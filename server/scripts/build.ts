/**
 * Writes `dist/`: the server and the JavaScript it depends on in a few files. A start then reads three files instead of
 * eight hundred, and needs less than half the time and three quarters of the memory.
 */
import { globSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const server = fileURLToPath(new URL('..', import.meta.url))
const [target, fresh] = [`${server}/dist`, `${server}/dist.new`]

rmSync(fresh, { recursive: true, force: true })
const { metafile } = await build({
  absWorkingDir: server,
  entryPoints: ['src/main.ts', 'src/domain/passwords/worker.ts'],
  outdir: fresh,
  entryNames: '[name]',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  // What is compiled to machine code cannot be bundled, and what few servers load need not be.
  external: ['better-sqlite3', 'bcrypt', '@node-rs/argon2', 'mysql2', 'pg'],
  // Packages in CommonJS call it for Node's own modules.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
  legalComments: 'none',
  metafile: true,
  minifySyntax: true,
  logLevel: 'warning',
})
writeFileSync(join(fresh, 'THIRD-PARTY-LICENSES.txt'), licences(Object.keys(metafile.inputs)))
// All at once, so that a server which starts meanwhile finds the old files or the new ones.
rmSync(target, { recursive: true, force: true })
renameSync(fresh, target)

/** The licence of every package that went in. @param inputs paths of the bundled files, relative to the server */
function licences(inputs: string[]): string {
  const homes = new Set(inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []))
  return [...homes]
    .sort()
    .map((home) => {
      const { name, version, license } = JSON.parse(readFileSync(join(server, home, 'package.json'), 'utf8'))
      const [file] = globSync('{LICEN[SC]E,licen[sc]e,COPYING}*', { cwd: join(server, home) })
      const text = file === undefined ? '' : `\n${readFileSync(join(server, home, file), 'utf8').trim()}\n`
      return `${name} ${version} (${license})\n${text}`
    })
    .join(`\n${'-'.repeat(80)}\n\n`)
}
