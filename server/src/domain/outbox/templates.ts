import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { packageFile } from '../../package-file.ts'
import { commonFields, type MailData, type MailName, mailNames, mails } from './mail.ts'
import { fieldsOf, leftOver, renderHtml, renderText, writes } from './render.ts'

const shipped = packageFile('data/mail')
const fallback = 'en'

export type Rendered = { subject: string; text: string; html: string; locale: string }

export type Templates = {
  render(name: MailName, locale: string | null, data: MailData): Rendered
  /** Reads everything there is. @returns what is wrong, a sentence each */
  check(): string[]
}

type Template = { subject: string; text: string; html: string }

/**
 * The words of mails: `<language>/<mail>.txt`, whose first line is the subject, and `<language>/<mail>.html`, which is
 * put into `<language>/layout.html`. The operator's directory comes before the shipped one, file by file.
 * @param directory the operator's, or null
 */
export function mailTemplates(directory: string | null): Templates {
  const places = directory === null ? [shipped] : [directory, shipped]
  const known = new Map<string, Template | null>()

  const fileOf = (locale: string, file: string): string | undefined =>
    places.map((place) => join(place, locale, file)).find((path) => existsSync(path))

  const load = (locale: string, name: MailName): Template | null => {
    const key = `${locale}/${name}`
    let template = known.get(key)
    if (template === undefined) {
      template = read(fileOf(locale, `${name}.txt`), fileOf(locale, `${name}.html`), fileOf(locale, 'layout.html'))
      // Languages come from users: the memory of those that are not there must not grow without bound.
      if (template || known.size < 1000) known.set(key, template)
    }
    return template
  }

  const complaints = (language: string, name: MailName): string[] => {
    try {
      const template = load(language, name)
      return template ? mistakes(template, `${language}/${name}`, name) : missing(language, name)
    } catch (error) {
      return [(error as Error).message]
    }
  }

  /** A mail of which there are only some files is not used at all, which nobody would see. */
  const missing = (language: string, name: MailName): string[] => {
    const [there, lacking] = [[] as string[], [] as string[]]
    for (const file of [`${name}.txt`, `${name}.html`]) (fileOf(language, file) ? there : lacking).push(file)
    if (there.length === 0) return []
    if (!fileOf(language, 'layout.html')) lacking.push('layout.html')
    return [
      `${language}/${there[0]} is not used without ${lacking.map((file) => `${language}/${file}`).join(' and ')}.`,
    ]
  }

  return {
    render(name, locale, data) {
      for (const candidate of candidates(locale)) {
        const template = load(candidate, name)
        if (!template) continue
        return {
          subject: renderText(template.subject, data).trim(),
          text: renderText(template.text, data),
          html: renderHtml(template.html, { ...data, subject: renderText(template.subject, data) }),
          locale: candidate,
        }
      }
      throw new Error(`There is no template "${name}" in "${fallback}".`)
    },
    check() {
      if (directory !== null && !existsSync(directory)) return [`There is no directory ${directory}.`]
      if (directory !== null && !statSync(directory).isDirectory()) return [`${directory} is no directory.`]
      const own = directory === null ? [] : directoriesIn(directory)
      const languages = [...new Set([fallback, ...own.filter(isLanguage)])]
      return [
        ...own.filter((name) => !isLanguage(name)).map((name) => `${name} is no language: ${languageForm}.`),
        ...own.filter(isLanguage).flatMap((language) => unused(join(directory!, language), language)),
        ...languages.flatMap((language) => mailNames.flatMap((name) => complaints(language, name))),
      ]
    },
  }
}

/** `de-CH` may be written in `de-CH`, in `de`, or at last in English. */
function candidates(locale: string | null): string[] {
  // A locale is a directory's name here.
  if (locale === null || !/^[A-Za-z0-9-]{2,35}$/.test(locale)) return [fallback]
  const parts = locale.split('-')
  return [...parts.map((_, index) => parts.slice(0, parts.length - index).join('-')), parts[0]!.toLowerCase(), fallback]
}

const languageForm = 'name the directory as in "de" or "de-CH"'

/** Written as `render` looks for it: a user's "de" would not find "DE", nor "de_CH" anybody. */
function isLanguage(name: string): boolean {
  try {
    return Intl.getCanonicalLocales(name)[0] === name
  } catch {
    return false
  }
}

/** Also through links; but Kubernetes keeps the files of a volume in "..data" and the like. */
function directoriesIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => !name.startsWith('.') && statSync(join(directory, name)).isDirectory())
}

/** Files that belong to no mail. */
function unused(directory: string, language: string): string[] {
  const known = ['layout.html', ...mailNames.flatMap((name) => [`${name}.txt`, `${name}.html`])]
  return readdirSync(directory)
    .filter((file) => /\.(txt|html)$/.test(file) && !known.includes(file))
    .map((file) => `${language}/${file} belongs to no mail; there are ${mailNames.join(', ')}.`)
}

function read(txt: string | undefined, html: string | undefined, layout: string | undefined): Template | null {
  if (txt === undefined || html === undefined || layout === undefined) return null
  const lines = readFileSync(txt, 'utf8').split(/\r?\n/)
  const [, subject] = /^Subject: (.+)$/.exec(lines[0] ?? '') ?? []
  if (subject === undefined) throw new Error(`The first line of ${txt} must be "Subject: …".`)
  const body = readFileSync(html, 'utf8').trim()
  const frame = readFileSync(layout, 'utf8')
  if (!frame.includes('{{content}}')) throw new Error(`${layout} must have {{content}} where the mail goes.`)
  return {
    subject,
    text: `${lines.slice(1).join('\n').trim()}\n`,
    html: frame.replace('{{content}}', () => body),
  }
}

function mistakes(template: Template, what: string, name: MailName): string[] {
  const allowed: string[] = [...mails[name], ...commonFields]
  const found: string[] = []
  for (const [part, text] of Object.entries(template)) {
    const fields = fieldsOf(text)
    for (const field of fields) {
      if (allowed.includes(field) || (part === 'html' && field === 'subject')) continue
      found.push(`${what} (${part}) names {{${field}}}; it may name ${allowed.join(', ')}.`)
    }
    const left = leftOver(text)
    if (left !== null) {
      found.push(
        `${what} (${part}) has ${left}, which would be sent as it stands: write {{field}} or {{#field}}…{{/field}}.`,
      )
    }
    if (part !== 'subject' && allowed.includes('link') && !writes(text, 'link')) {
      found.push(`${what} (${part}) has no {{link}}, and without it the mail is of no use.`)
    }
  }
  return found
}
