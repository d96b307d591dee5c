import type { MailData } from './mail.ts'

/**
 * Templates without logic: `{{field}}` is replaced by its value, and `{{#field}}…{{/field}}` stays only where the field
 * has one. What was put in is never read as a template again.
 */
const tag = /\{\{(\w+)\}\}/g
const section = /\{\{#(\w+)\}\}([\s\S]*?)\{\{\/\1\}\}/g

export function renderText(template: string, data: MailData): string {
  return render(template, data, oneLine)
}

export function renderHtml(template: string, data: MailData): string {
  return render(template, data, (text) => escapeHtml(oneLine(text)))
}

/** Every field that a template names. */
export function fieldsOf(template: string): string[] {
  const names = [...template.matchAll(/\{\{[#/]?(\w+)\}\}/g)].map(([, name]) => name!)
  return [...new Set(names)]
}

/** Whether a field is written wherever it has a value: not only named by a section, nor inside one of another field. */
export function writes(template: string, field: string): boolean {
  const always = template.replaceAll(section, (_, name: string, inner: string) => (name === field ? inner : ''))
  return always.includes(`{{${field}}}`)
}

/** The first thing in double braces that would stay as it is, or null: blanks inside, a section without its end. */
export function leftOver(template: string): string | null {
  const rest = template.replaceAll(section, '$2').replaceAll(tag, '')
  return /\{\{[^{}\n]{0,40}(\}\})?|\}\}/.exec(rest)?.[0] ?? null
}

function render(template: string, data: MailData, write: (text: string) => string): string {
  const textOf = (name: string) => (Object.hasOwn(data, name) ? data[name]! : '')
  return template
    .replaceAll(section, (_, name: string, inner: string) => (textOf(name) === '' ? '' : inner))
    .replaceAll(tag, (_, name: string) => write(textOf(name)))
}

// Line breaks, other controls and marks that turn the direction of writing could forge lines, headers and addresses.
const controls = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu

function oneLine(text: string): string {
  return text.replaceAll(controls, ' ')
}

function escapeHtml(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replaceAll(/[&<>"']/g, (sign) => names[sign]!)
}
