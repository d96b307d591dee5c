import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { lockOf } from '../../src/domain/throttling/find-locks.ts'
import {
  allowances,
  forgottenAt,
  type Guesses,
  judgeGuess,
  waitAfter,
} from '../../src/domain/throttling/judge-guess.ts'
import { judgeRate } from '../../src/domain/throttling/judge-rate.ts'
import { guessing, wider } from '../../src/domain/throttling/limits.ts'
import { naming } from '../../src/domain/throttling/names.ts'
import { networksOf } from '../../src/domain/throttling/network-of.ts'
import { believedFor, refusals } from '../../src/domain/throttling/refusals.ts'

const now = 1_700_000_000_000
const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000]

/** Guesses without pause, each as soon as it may be judged. @returns when the nth was judged, from the first */
function untilRefusedForEver(): number[] {
  const judged: number[] = []
  let known: Guesses | undefined
  let at = now
  for (;;) {
    const verdict = judgeGuess(known, at)
    if (verdict.next) {
      judged.push(at - now)
      known = verdict.next
    } else if (verdict.wait === Number.POSITIVE_INFINITY) {
      return judged
    } else {
      at += verdict.wait
    }
  }
}

describe('guesses at a password', () => {
  it('are free five times, then wait 30 s, doubled up to an hour', () => {
    const waits = [0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 50, 79].map((failures) => waitAfter(failures))
    const expected = [0, 0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600].map((each) => each * second)
    assert.deepEqual(waits, expected)
  })

  it('are eighty at most, which takes an attacker nearly three days', () => {
    const judged = untilRefusedForEver()
    assert.equal(judged.length, 80)
    const inFirst = (span: number) => judged.filter((at) => at < span).length
    assert.deepEqual([inFirst(second), inFirst(hour), inFirst(day)], [5, 11, 34])
    assert.ok(judged.at(-1)! > 2.75 * day && judged.at(-1)! < 3 * day)
  })

  it('are a hundred in all, those of strangers and those of known devices, however many devices there are', () => {
    assert.equal(guessing.most + guessing.mostOfDevices, 100)
    const judged = (from: number) => judgeGuess({ failures: from, lastAt: now }, now, allowances.devices)
    assert.deepEqual(judged(19), { next: { failures: 20, lastAt: now }, wait: 0 })
    assert.deepEqual(judged(20), { next: null, wait: Number.POSITIVE_INFINITY })
    assert.equal(forgottenAt({ failures: 20, lastAt: 0 }, allowances.devices), null)
    assert.equal(judgeGuess({ failures: 5, lastAt: now }, now, allowances.device).wait, 30 * second)
    assert.equal(judgeGuess({ failures: 5000, lastAt: now }, now, allowances.device).wait, hour)
  })

  it('may come to the millisecond when the wait is over, and not one earlier', () => {
    const known = { failures: 5, lastAt: now }
    assert.deepEqual(judgeGuess(known, now + 30 * second - 1), { next: null, wait: 1 })
    const next = { failures: 6, lastAt: now + 30 * second }
    assert.deepEqual(judgeGuess(known, now + 30 * second), { next, wait: 0 })
  })

  it('lock an account for as long as the next one has to wait', () => {
    for (const failures of [1, 4, 5, 6, 12, 79, 80]) {
      for (const after of [-3 * day, -1, 0, 1, 29_999, 30_000, hour - 1, hour, 60 * day]) {
        const known = { failures, lastAt: now }
        const { wait } = judgeGuess(known, now + after)
        const lock = lockOf(known, now + after)
        assert.equal(lock !== null, wait > 0, `${failures} failures, ${after} ms later`)
        if (lock) assert.equal(lock.until, failures === 80 ? null : now + after + wait)
      }
    }
  })

  it('do not wait for a clock that was days ahead, and do wait for one that is a little', () => {
    assert.ok(judgeGuess({ failures: 8, lastAt: now + 3 * day }, now).next)
    assert.deepEqual(judgeGuess({ failures: 5, lastAt: now + second }, now), { next: null, wait: 31 * second })
    assert.equal(judgeGuess({ failures: 80, lastAt: now + 3 * day }, now).next, null)
  })

  it('are remembered for a week while they are few, for a month later, and for ever once they are too many', () => {
    const after = (failures: number) => forgottenAt({ failures, lastAt: 0 })
    assert.deepEqual([1, 4, 5, 79, 80].map(after), [7 * day, 7 * day, 30 * day, 30 * day, null])
    assert.ok(guessing.remembersMany > guessing.longestWait)
  })
})

describe('a rate', () => {
  const rate = { burst: 3, every: 10 * second }

  /** Calls at these times. @returns which were let pass */
  function passing(times: number[]): number[] {
    let emptyAt: number | undefined
    return times.filter((at) => {
      const verdict = judgeRate(rate, emptyAt, now + at)
      if (verdict.next !== null) emptyAt = verdict.next
      return verdict.next !== null
    })
  }

  it('lets so many pass at once, and then one in each span', () => {
    assert.deepEqual(passing([0, 1, 2, 3, 4]), [0, 1, 2])
    assert.deepEqual(passing([0, 0, 0, 9999, 10_000, 10_001, 20_000]), [0, 0, 0, 10_000, 20_000])
  })

  it('never lets more pass in any window than the burst and one a span', () => {
    // A fixed sequence of pseudo-random pauses: the same in every run.
    let seed = 7
    const pause = () => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31
      return seed % 12_000
    }
    let at = 0
    const passed = passing(Array.from({ length: 3000 }, () => (at += pause())))
    assert.ok(passed.length > 500)
    for (const [index, from] of passed.entries()) {
      for (const [further, to] of passed.slice(index, index + 40).entries()) {
        assert.ok(further + 1 <= rate.burst + Math.floor((to - from) / rate.every), `${from} to ${to}`)
      }
    }
  })

  it('says for how long to wait, and that is enough', () => {
    const full = now + 3 * rate.every
    const verdict = judgeRate(rate, full, now)
    assert.deepEqual(verdict, { next: null, wait: 10 * second })
    assert.ok(judgeRate(rate, full, now + 10 * second).next !== null)
    assert.equal(judgeRate(rate, full, now + 10 * second - 1).next, null)
  })

  it('stays full for a node whose clock is a little behind', () => {
    assert.deepEqual(judgeRate(rate, now + 3 * rate.every + 5, now), { next: null, wait: rate.every + 5 })
    assert.equal(judgeRate(rate, now + 3 * rate.every + 59 * second, now).next, null)
  })

  it('is empty again when a clock was set back', () => {
    assert.deepEqual(judgeRate(rate, now + 3 * day, now), { next: now + rate.every, wait: 0 })
  })

  it('is four times as wide for what a provider gives to one site', () => {
    assert.deepEqual(wider({ burst: 100, every: 4 * minute }), { burst: 400, every: minute })
  })
})

describe('networks', () => {
  it('are an IPv4 address by itself, and of IPv6 what one customer has', () => {
    assert.deepEqual(networksOf('203.0.113.9'), ['203.0.113.9'])
    assert.deepEqual(networksOf('2001:db8:1:2:3:4:5:6'), ['2001:db8:1:2::/64', '2001:db8:1::/48'])
    assert.deepEqual(networksOf('2001:db8::1'), ['2001:db8:0:0::/64', '2001:db8:0::/48'])
    assert.deepEqual(networksOf('::1'), ['0:0:0:0::/64', '0:0:0::/48'])
    assert.deepEqual(networksOf('2001:db8:1:2::'), ['2001:db8:1:2::/64', '2001:db8:1::/48'])
    assert.deepEqual(networksOf('unknown'), ['unknown'])
  })

  it('are the same for all addresses within them, however these are chosen', () => {
    const one = networksOf('2001:db8:1:2:aaaa::1')
    assert.deepEqual(networksOf('2001:db8:1:2:bbbb:cccc:dddd:eeee'), one)
    assert.notEqual(networksOf('2001:db8:1:3::1')[0], one[0])
    assert.equal(networksOf('2001:db8:1:3::1')[1], one[1])
  })
})

describe('names', () => {
  const [one, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]

  it('tell nothing without the key, and differ by each part', () => {
    const name = naming([one])
    assert.match(name('account', 'ada@example.com'), /^[A-Za-z0-9_-]{43}$/)
    assert.equal(name('account', 'ada@example.com'), naming([one])('account', 'ada@example.com'))
    const different = [name('a', 'bc'), name('ab', 'c'), name('device', 'ada@example.com'), naming([other])('a', 'bc')]
    assert.equal(new Set(different).size, 4)
  })

  it('stay the same while a new master key comes in', () => {
    assert.equal(naming([other, one])('account', 'x'), naming([one])('account', 'x'))
  })
})

describe('remembered refusals', () => {
  const refused = (name: string, wait: number) => ({ name, limiter: 'account' as const, rate: null, wait })

  it('count down, and end when the wait does', () => {
    const known = refusals()
    known.remember(refused('a', 3000), now)
    assert.equal(known.find(['x', 'a'], now + 1000)?.wait, 2000)
    assert.equal(known.find(['a'], now + 3000), null)
  })

  it('are believed for seconds only, so that an unlocking elsewhere is heard of', () => {
    const known = refusals()
    known.remember(refused('a', hour), now)
    assert.ok(known.find(['a'], now + believedFor - 1))
    assert.equal(known.find(['a'], now + believedFor), null)
    known.remember(refused('a', hour), now)
    assert.equal(known.find(['a'], now - 1), null, 'a clock that was set back')
    known.remember(refused('a', hour), now)
    known.forget('a')
    assert.equal(known.find(['a'], now), null)
  })

  it('are so many at most', () => {
    const known = refusals(2)
    for (const name of ['a', 'b', 'c']) known.remember(refused(name, hour), now)
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => known.find([name], now) !== null),
      [false, true, true],
    )
  })
})
