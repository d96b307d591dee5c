import { createHash } from 'node:crypto'
import { escapeHtml } from './documentation.ts'

/** Where a mailed link ends when the app has no page for it: plain HTML without scripts, in English and German. */

export const journeys = ['verify-email', 'reset-password', 'confirm-email'] as const
export type Journey = (typeof journeys)[number]
type Language = 'en' | 'de'

type Words = {
  title: Record<Journey, string>
  ask: Record<Journey, string>
  button: Record<Journey, string>
  done: Record<Journey, string>
  password: string
  noGood: string
  tooShort: string
  tooLong: string
  empty: string
  signs: string
  again: string
  notNow: (seconds: number) => string
  failed: string
}

const words: Record<Language, Words> = {
  en: {
    title: {
      'verify-email': 'Verify your e-mail address',
      'reset-password': 'Choose a password',
      'confirm-email': 'Confirm your new e-mail address',
    },
    ask: {
      'verify-email': 'Confirm that this address is yours.',
      'reset-password': 'Choose the password that you want to log in with. A few unrelated words do well.',
      'confirm-email': 'Confirm that your account is to use this address.',
    },
    button: { 'verify-email': 'Confirm', 'reset-password': 'Set the password', 'confirm-email': 'Confirm' },
    done: {
      'verify-email': 'The address is verified. You can log in now.',
      'reset-password': 'The password is set. You can log in with it now.',
      'confirm-email': 'The address is changed. Use it for your next login.',
    },
    password: 'New password',
    noGood: 'This link is no good: it was used, replaced by a newer one, or has expired. Ask for a new one.',
    tooShort: 'This password is too short.',
    tooLong: 'This password is too long: use at most 256 characters.',
    empty: 'Choose a password first.',
    signs: 'This password has a character that cannot be typed everywhere, such as a tab. Choose another.',
    notNow: (seconds) => `This did not work just now. Wait ${seconds} seconds, then try again.`,
    failed: 'This did not work. Open the link in the mail again, or ask for a new one.',
    again:
      'This password cannot be used, because it is among the most common ones or too close to you. Choose another.',
  },
  de: {
    title: {
      'verify-email': 'E-Mail-Adresse bestätigen',
      'reset-password': 'Passwort wählen',
      'confirm-email': 'Neue E-Mail-Adresse bestätigen',
    },
    ask: {
      'verify-email': 'Bestätige, dass diese Adresse dir gehört.',
      'reset-password': 'Wähle das Passwort, mit dem du dich anmelden willst. Einige beliebige Wörter sind gut.',
      'confirm-email': 'Bestätige, dass dein Konto diese Adresse verwenden soll.',
    },
    button: { 'verify-email': 'Bestätigen', 'reset-password': 'Passwort setzen', 'confirm-email': 'Bestätigen' },
    done: {
      'verify-email': 'Die Adresse ist bestätigt. Du kannst dich jetzt anmelden.',
      'reset-password': 'Das Passwort ist gesetzt. Du kannst dich jetzt damit anmelden.',
      'confirm-email': 'Die Adresse ist geändert. Melde dich das nächste Mal mit ihr an.',
    },
    password: 'Neues Passwort',
    noGood: 'Dieser Link gilt nicht: Er wurde benutzt, durch einen neueren ersetzt oder ist abgelaufen.',
    tooShort: 'Dieses Passwort ist zu kurz.',
    tooLong: 'Dieses Passwort ist zu lang: höchstens 256 Zeichen.',
    empty: 'Wähle zuerst ein Passwort.',
    signs:
      'Dieses Passwort hat ein Zeichen, das sich nicht überall tippen lässt, etwa einen Tabulator. Wähle ein anderes.',
    notNow: (seconds) => `Das ging gerade nicht. Warte ${seconds} Sekunden und versuche es dann noch einmal.`,
    failed: 'Das ging nicht. Öffne den Link in der Mail noch einmal, oder lass dir einen neuen schicken.',
    again: 'Dieses Passwort geht nicht, weil es zu verbreitet oder dir zu ähnlich ist. Wähle ein anderes.',
  },
}

const style = `
:root{color-scheme:light dark}
body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:0 auto;padding:2rem 1.5rem}
label{display:block;font-weight:600}
input,button{font:inherit;padding:.5rem .75rem;margin:.25rem 0 1rem;box-sizing:border-box}
input{width:100%}
[role=alert]{border-left:.3rem solid;padding-left:.8rem}
`
const styleHash = createHash('sha256').update(style).digest('base64')

/** The form may go to this server only, and nothing is loaded from anywhere. */
export const journeyPolicy = `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`

/** The better liked of the languages that are spoken here (RFC 9110 §12.5.4), English where none is. */
export function languageFrom(acceptLanguage = ''): Language {
  const wanted = acceptLanguage.split(',').map((each) => {
    const [tag = '', ...parameters] = each.split(';').map((part) => part.trim().toLowerCase())
    const weight = parameters.find((part) => part.startsWith('q='))?.slice(2)
    return { language: tag.split('-')[0]!, weight: weight === undefined ? 1 : Number(weight) || 0 }
  })
  const weightOf = (language: Language) => wanted.find((each) => each.language === language)?.weight
  const [de, en = wanted.find(({ language }) => language === '*')?.weight ?? 0] = [weightOf('de'), weightOf('en')]
  if (de === undefined || de === 0) return 'en'
  const isFirst = wanted.findIndex(({ language }) => language === 'de' || language === 'en')
  return de > en || (de === en && wanted[isFirst]!.language === 'de') ? 'de' : 'en'
}

type WordedComplaint = 'noGood' | 'tooShort' | 'tooLong' | 'empty' | 'signs' | 'again' | 'failed'
/** What was wrong; a number is how many seconds to wait. */
export type Complaint = WordedComplaint | number

/**
 * Asks to go on; opening it changes nothing.
 * @param token empty where it is not known: then there is nothing to go on with
 * @param complaint what was wrong with the last try
 */
export function askPage(journey: Journey, language: Language, token: string, complaint?: Complaint): string {
  const { title, ask, button, password } = words[language]
  const alert =
    complaint === undefined ? '' : `<p role="alert" id="complaint">${escapeHtml(told(language, complaint))}</p>`
  if (complaint === 'noGood' || token === '') return page(language, title[journey], alert)
  const described =
    complaint === undefined || typeof complaint === 'number' ? '' : ' aria-invalid="true" aria-describedby="complaint"'
  const field =
    journey === 'reset-password'
      ? `<label for="new_password">${escapeHtml(password)}</label>
<input id="new_password" name="new_password" type="password" autocomplete="new-password" required maxlength="256"${described}>`
      : ''
  return page(
    language,
    title[journey],
    `<p>${escapeHtml(ask[journey])}</p>${alert}
<form method="post" action="${journey}">
<input type="hidden" name="token" value="${escapeHtml(token)}">
${field}
<button type="submit">${escapeHtml(button[journey])}</button>
</form>`,
  )
}

function told(language: Language, complaint: Complaint): string {
  return typeof complaint === 'number' ? words[language].notNow(complaint) : words[language][complaint]
}

export function donePage(journey: Journey, language: Language): string {
  return page(
    language,
    words[language].title[journey],
    `<p role="status">${escapeHtml(words[language].done[journey])}</p>`,
  )
}

function page(language: Language, title: string, body: string): string {
  return `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>${escapeHtml(title)}</title><style>${style}</style></head>
<body><main><h1>${escapeHtml(title)}</h1>
${body}
</main></body></html>
`
}
