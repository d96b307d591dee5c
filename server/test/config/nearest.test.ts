import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { distance, nearest } from '../../src/config/nearest.ts'

test('the distance counts insertions, deletions, substitutions and swaps of neighbours', () => {
  const pairs: [string, string, number][] = [
    ['', '', 0],
    ['abc', '', 3],
    ['', 'abc', 3],
    ['port', 'port', 0],
    ['prt', 'port', 1],
    ['poort', 'port', 1],
    ['pott', 'port', 1],
    ['potr', 'port', 1],
    ['ca', 'abc', 3],
    ['kitten', 'sitting', 3],
  ]
  deepEqual(
    pairs.map(([a, b]) => distance(a, b)),
    pairs.map(([, , expected]) => expected),
  )
})

test('a typing error leads to the nearest word, anything else to none', () => {
  const known = ['serve', 'migrate', 'config', 'version']
  equal(nearest('migrat', known), 'migrate')
  equal(nearest('serv', ['serve', 'servo']), 'serve')
  equal(nearest('sevre', known), 'serve')
  equal(nearest('zzzzz', known), undefined)
  equal(nearest('xy', ['ab']), undefined)
})
