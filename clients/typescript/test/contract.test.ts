import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { generated } from '../scripts/generate.ts'
import { reference, referenceFile } from '../scripts/reference.ts'

describe('what the contract says', () => {
  it.each(Object.entries(generated))('is what %s says (npm run generate writes it anew)', (file, make) => {
    expect(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')).toBe(make())
  })

  it('is what docs/reference/typescript-client.md says (npm run generate writes it anew)', () => {
    expect(readFileSync(referenceFile, 'utf8')).toBe(reference())
  })
})
