import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { guessing, type PolicyName, policies, policyOf, type Rate } from '../../src/domain/throttling/limits.ts'

const page = readFileSync(new URL('../../../docs/throttling.md', import.meta.url), 'utf8')
const rowsOf = (heading: string) =>
  page
    .split(`## ${heading}\n`)[1]!
    .split('\n## ')[0]!
    .split('\n')
    .filter((line) => line.startsWith('| '))

test('docs/throttling.md names the guesses as they are counted', () => {
  const days = (milliseconds: number) => `${milliseconds / 86_400_000} days`
  const { free, firstWait, longestWait, most, mostOfDevices, remembersFew, remembersMany } = guessing
  const told = rowsOf('Guesses at a password').slice(1)
  const values = told.map((row) => row.split('|')[2]!.trim())
  assert.deepEqual(values, [
    String(free),
    `${firstWait / 1000} s, doubled with each further one`,
    `${longestWait / 1000} s`,
    String(most),
    String(mostOfDevices),
    days(remembersFew),
    days(remembersMany),
  ])
})

test('docs/throttling.md names every rate as it is', () => {
  const told = (rate?: Rate) => (rate ? `${rate.burst}, then one in ${rate.every / 1000} s` : '–')
  const expected = (Object.keys(policies) as PolicyName[]).flatMap((name) => {
    const { failures, subject, network } = policyOf(name)
    if (!subject && !network) return []
    return [`| \`${name}\` | ${failures ? 'failures' : 'calls'} | ${told(subject)} | ${told(network)} |`]
  })
  assert.deepEqual(rowsOf('Rates').slice(1), expected)
})
