import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../errors.ts'
import { isCommonPassword } from './common.ts'
import { normalisePassword } from './normalise.ts'
import { checkPassword } from './policy.ts'

const ada = { minLength: 8, email: 'ada.lovelace@example.com', name: 'Ada Lovelace' }

function refusal(password: string, rules: Partial<Parameters<typeof checkPassword>[1]> = {}): string {
  try {
    checkPassword(password, { ...ada, ...rules })
    return 'accepted'
  } catch (error) {
    assert.ok(error instanceof AppError)
    assert.equal(error.status, 422)
    assert.equal(error.details.errors?.length, 1)
    assert.equal(error.details.errors[0]!.pointer, rules.pointer ?? '/password')
    assert.ok(error.details.errors[0]!.detail.length > 20)
    return `${error.code} ${error.details.errors[0]!.code}`
  }
}

test('the shortest password is counted in code points after NFC', () => {
  assert.equal(refusal('xk4-vwq'), 'password_too_short too_short')
  assert.equal(refusal('xk4-vwqz'), 'accepted')
  assert.equal(refusal('😀'.repeat(7)), 'password_too_short too_short')
  assert.equal(refusal('😀😁'.repeat(4)), 'accepted')
  assert.equal(refusal('e\u0301'.repeat(4)), 'password_too_short too_short')
  assert.equal(refusal('xk4-vwqz', { minLength: 15 }), 'password_too_short too_short')
})

test('the longest password has 256 code points after NFC, and a megabyte is refused unread', () => {
  assert.equal(refusal(`${'ab-'.repeat(85)}a`), 'accepted')
  assert.equal(refusal(`${'ab-'.repeat(85)}ab`), 'validation_failed too_long')
  assert.equal(refusal('😀😁'.repeat(128)), 'accepted')
  assert.equal(refusal('\u0958'.repeat(200)), 'validation_failed too_long', 'NFC may lengthen a text')
  assert.equal(refusal('\0'.repeat(1_000_000)), 'validation_failed too_long')
})

test('a common password is refused in any case, but only as a whole', () => {
  assert.equal(refusal('password1'), 'password_too_common too_common')
  assert.equal(refusal('PassWord1'), 'password_too_common too_common')
  assert.equal(refusal('my password1 is long'), 'accepted')
  assert.equal(refusal('password1 '), 'accepted')
})

test('one character is a common password, however often it is repeated', () => {
  for (const one of ['a', 'Z', ' ', '0', 'é', 'e\u0301', '😀']) {
    assert.equal(refusal(one.repeat(8)), 'password_too_common too_common', one)
    assert.equal(refusal(one.repeat(100)), 'password_too_common too_common', one)
  }
  assert.equal(refusal('aAaAaAaA'), 'password_too_common too_common')
  assert.equal(refusal('aaaaaaax'), 'accepted')
})

test('the first, the last and the neighbours of the list are found and told apart', () => {
  assert.ok(isCommonPassword('!qaz2wsx'))
  assert.ok(isCommonPassword('zzzzzzz1'))
  for (const absent of ['', '!', '!qaz2ws', '!qaz2wsx!', 'zzzzzzz2', '~', '😀', '\n', 'password1\n']) {
    assert.ok(!isCommonPassword(absent), absent)
  }
})

test('the e-mail address, its local part and the name are refused', () => {
  assert.equal(refusal('Ada.Lovelace@Example.com'), 'password_too_similar too_similar')
  assert.equal(refusal('ADA.LOVELACE'), 'password_too_similar too_similar')
  assert.equal(refusal('ada lovelace'), 'password_too_similar too_similar')
  assert.equal(refusal('ada lovelace 1815'), 'accepted')
  assert.equal(refusal('ada lovelace', { name: null }), 'accepted')
  assert.equal(refusal('ada lovelace', { name: undefined }), 'accepted')
})

test('what cannot be typed or encoded is refused, and the caller names the field', () => {
  assert.equal(refusal('valid-looking\ud800'), 'validation_failed ill_formed')
  assert.equal(refusal('\udc00valid-looking'), 'validation_failed ill_formed')
  for (const control of ['\0', '\t', '\n', '\x1b', '\x7f', '\x85']) {
    assert.equal(
      refusal(`valid-${control}looking`, { pointer: '/new_password' }),
      'validation_failed control_character',
    )
  }
})

test('one letter typed in two ways is the same password, and nothing else is changed', () => {
  assert.equal(normalisePassword('Ange\u0301lique  '), 'Ang\u00e9lique  ')
  assert.equal(checkPassword('Ange\u0301lique  ', ada), 'Ang\u00e9lique  ')
  assert.equal(normalisePassword('ﬁnal'), 'ﬁnal', 'NFC keeps what NFKC would fold')
})
