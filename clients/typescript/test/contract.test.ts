import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { generated } from '../scripts/generate.ts'

describe('what the contract says', () => {
  it.each(Object.entries(generated))('is what %s says (npm run generate writes it anew)', (file, make) => {
    expect(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')).toBe(make())
  })
})
