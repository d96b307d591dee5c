import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { packageFile } from '../../package-file.ts'
import { commonFields, type MailData, type MailName, mailNames, mails } from './mail.ts'
import { fieldsOf, renderHtml, renderText } from './render.ts'

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
      return languagesIn(directory).flatMap((language) => mailNames.flatMap((name) => complaints(load, language, name)))
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

function languagesIn(directory: string | null): string[] {
  return [...new Set([fallback, ...(directory === null ? [] : languageDirectories(directory))])]
}

function languageDirectories(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
}

function read(txt: string | undefined, html: string | undefined, layout: string | undefined): Template | null {
  if (txt === undefined || html === undefined || layout === undefined) return null
  const lines = readFileSync(txt, 'utf8').split(/\r?\n/)
  const [, subject] = /^Subject: (.+)$/.exec(lines[0] ?? '') ?? []
  if (subject === undefined) throw new Error(`The first line of ${txt} must be "Subject: …".`)
  const body = readFileSync(html, 'utf8').trim()
  return {
    subject,
    text: `${lines.slice(1).join('\n').trim()}\n`,
    html: readFileSync(layout, 'utf8').replace('{{content}}', () => body),
  }
}

function complaints(load: (language: string, name: MailName) => Template | null, language: string, name: MailName) {
  try {
    const template = load(language, name)
    if (!template) return []
    const allowed: string[] = [...mails[name], ...commonFields]
    const found: string[] = []
    for (const [part, text] of Object.entries(template)) {
      for (const field of fieldsOf(text)) {
        if (allowed.includes(field) || (part === 'html' && field === 'subject')) continue
        found.push(`${language}/${name} (${part}) names {{${field}}}; it may name ${allowed.join(', ')}.`)
      }
    }
    return found
  } catch (error) {
    return [(error as Error).message]
  }
}
