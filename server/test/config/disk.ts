import type { ReadFile } from '../../src/config/read-file.ts'

/** A disk of text files, mode 0600 unless said otherwise. */
export function disk(files: Record<string, string | { text: string; mode: number }>): ReadFile {
  return (path) => {
    const file = files[path]
    if (file === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
    return typeof file === 'string' ? { text: file, mode: 0o100600 } : file
  }
}
