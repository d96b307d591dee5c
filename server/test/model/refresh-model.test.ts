import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { explore } from './explore.ts'
import { refreshWorld, type Setting } from './refresh-model.ts'

/** What holds in every state that can be reached. */
const promises: { promise: string; setting: Setting }[] = [
  { promise: 'a user who follows the rules stays logged in, over any network', setting: { generations: 8 } },
  { promise: 'and through a restore', setting: { generations: 7, restore: true } },
  { promise: 'after a logout nobody gets tokens', setting: { generations: 8, logout: true } },
  { promise: 'nor after a restore, thanks to the journal', setting: { generations: 5, logout: true, restore: true } },
  { promise: 'a stolen token gets nothing once the user has refreshed', setting: { generations: 7, theft: 'token' } },
  {
    promise: 'a stolen store gets nothing after the second one',
    setting: { generations: 6, theft: 'store', overlap: 1 },
  },
  {
    promise: 'a user stays logged in when anything may happen between judging and writing',
    setting: { generations: 5, split: true },
  },
  {
    promise: 'an end is final and a theft shows when anything may happen between judging and writing',
    setting: { generations: 3, logout: true, theft: 'token', split: true },
  },
]

/** What the parts of the protocol are there for: without each, a promise breaks. */
const broken: { flaw: NonNullable<Setting['flaw']>; setting: Setting }[] = [
  { flaw: 'the parent is never answered', setting: { generations: 2 } },
  { flaw: 'old keys are forgotten', setting: { generations: 4 } },
  { flaw: 'key made when sending', setting: { generations: 2 } },
  { flaw: 'blind store', setting: { generations: 3 } },
  { flaw: 'tokens ahead are reuse', setting: { generations: 3, restore: true } },
  { flaw: 'no journal', setting: { generations: 2, logout: true, restore: true } },
  { flaw: 'the update is not guarded', setting: { generations: 2, logout: true, split: true } },
  { flaw: 'the update is not guarded', setting: { generations: 3, theft: 'token', split: true } },
  { flaw: 'a grace on top', setting: { generations: 3, theft: 'token' } },
  { flaw: 'the parent is answered to all while its successor is unused', setting: { generations: 3, theft: 'token' } },
  { flaw: 'one constant key', setting: { generations: 4, theft: 'store', overlap: 1 } },
  { flaw: 'no keys', setting: { generations: 3 } },
  { flaw: 'no keys', setting: { generations: 3, theft: 'token' } },
]

describe('the refresh protocol, in every state', () => {
  for (const { promise, setting } of promises) {
    it(promise, (test) => {
      const { states, counterexample } = explore(refreshWorld(setting))
      test.diagnostic(`${states} states`)
      assert.equal(counterexample, null)
    })
  }

  it('needs its one repeat: a stolen store gets something after the first refresh', () => {
    const { counterexample } = explore(refreshWorld({ generations: 3, theft: 'store', overlap: 0 }))
    assert.notEqual(counterexample, null)
  })
})

describe('a counterexample is found', () => {
  for (const { flaw, setting } of broken) {
    const { theft, logout, restore } = setting
    const among = theft ? `a thief of the ${theft}` : restore ? 'a restore' : logout ? 'a logout' : 'a bad network'
    it(`for "${flaw}", with ${among}`, (test) => {
      const { counterexample } = explore(refreshWorld({ ...setting, flaw }))
      assert(counterexample)
      test.diagnostic(`${counterexample.steps.join('; ')}: ${counterexample.why}`)
    })
  }
})
