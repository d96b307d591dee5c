import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { type MailName, mailNames, mails } from '../../src/domain/outbox/mail.ts'
import { mailTemplates } from '../../src/domain/outbox/templates.ts'
import { packageFile } from '../../src/package-file.ts'

const place = mkdtempSync(join(tmpdir(), 'ntt-auth-templates-'))
after(() => rmSync(place, { recursive: true, force: true }))

let directories = 0
function directory(files: Record<string, string>): string {
  const path = join(place, String(++directories))
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(path, file, '..'), { recursive: true })
    writeFileSync(join(path, file), text)
  }
  return path
}

const dataFor = (name: MailName) =>
  Object.fromEntries([...mails[name], 'name', 'email', 'service'].map((field) => [field, `the-${field}`]))

describe('the templates of mails', () => {
  const shipped = mailTemplates(null)

  it('are shipped whole in English and German, and show every field they have', () => {
    for (const language of ['en', 'de']) {
      assert.equal(readdirSync(packageFile(`data/mail/${language}`)).length, 2 * mailNames.length + 1)
      for (const name of mailNames) {
        const { subject, text, html, locale } = shipped.render(name, language, dataFor(name))
        assert.equal(locale, language, name)
        assert.match(html, new RegExp(`<html lang="${language}">`))
        assert.ok(subject.length > 5 && !subject.includes('\n'), name)
        assert.ok(html.includes(`<title>${subject}</title>`), name)
        for (const field of mails[name]) {
          assert.ok(text.includes(`the-${field}`), `${language}/${name}.txt shows ${field}`)
          assert.ok(html.includes(`the-${field}`), `${language}/${name}.html shows ${field}`)
        }
        assert.doesNotMatch(text + html, /\{\{|\}\}|undefined|null/, name)
      }
    }
    assert.deepEqual(shipped.check(), [])
    assert.deepEqual(mailTemplates(packageFile('data/mail')).check(), [], 'German too')
  })

  it('leave out what has no value, with the words around it', () => {
    const { text, html } = shipped.render('new-device', 'en', { ...dataFor('new-device'), name: '', device: '' })
    assert.doesNotMatch(text + html, /Device:/)
    assert.match(text, /^Hello,\n/)
    assert.match(text, /Network address: the-ip\n\nIf this was not you/)
  })

  it('come in the language of the user, then in the one it is a kind of, then in English', () => {
    const languageOf = (locale: string | null) => shipped.render('invitation', locale, dataFor('invitation')).locale
    assert.deepEqual(['de', 'de-CH', 'de-Latn-AT', 'DE', 'fr', null, '../../etc', 'en-GB'].map(languageOf), [
      'de',
      'de',
      'de',
      'de',
      'en',
      'en',
      'en',
      'en',
    ])
  })

  it('show every value as text, whatever it holds', () => {
    const wild = `<img src=x onerror=alert(1)>"'&{{link}}{{#name}}x{{/name}} $& $1`
    const { text, html, subject } = shipped.render('reset-password', 'en', {
      ...dataFor('reset-password'),
      name: wild,
    })
    assert.ok(text.includes(wild), 'as it is in plain text')
    assert.ok(
      html.includes('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;{{link}}{{#name}}x{{/name}} $&amp; $1'),
      'escaped in HTML',
    )
    assert.doesNotMatch(html, /<img/)
    assert.equal(subject, 'Choose a new password')
  })

  it('let no value break a line, hide itself or turn the direction of writing', () => {
    const name = 'Ada\r\nBcc: all@example.com\n\n.\u2028x\u0085y\u202eevil\0'
    const { text } = shipped.render('reset-password', 'en', { ...dataFor('reset-password'), name })
    assert.match(text, /^Hello Ada Bcc: all@example\.com \. x y evil ,\n/)
  })

  it('are replaced by those of the operator, file by file, in any language', () => {
    const path = directory({
      'en/invitation.txt': 'Subject: Welcome to {{service}}\n\nCome in: {{link}}\n',
      'fr/invitation.txt': 'Subject: Bienvenue\r\n\r\nEntrez : {{link}}\r\n',
      'fr/invitation.html': '<p>Entrez : {{link}}</p>',
      'fr/layout.html': '<html lang="fr"><title>{{subject}}</title>{{content}}</html>',
    })
    const own = mailTemplates(path)
    assert.deepEqual(own.check(), [])
    const english = own.render('invitation', 'en', dataFor('invitation'))
    assert.deepEqual([english.subject, english.text], ['Welcome to the-service', 'Come in: the-link\n'])
    assert.match(english.html, /you are invited/, 'the HTML is still the shipped one')
    assert.deepEqual(own.render('invitation', 'fr-CA', dataFor('invitation')), {
      subject: 'Bienvenue',
      text: 'Entrez : the-link\n',
      html: '<html lang="fr"><title>Bienvenue</title><p>Entrez : the-link</p></html>',
      locale: 'fr',
    })
    assert.equal(own.render('reset-password', 'fr', dataFor('reset-password')).locale, 'en')
  })

  it('are refused when they name what there is not, or have no subject', () => {
    const complaints = (files: Record<string, string>) => mailTemplates(directory(files)).check().join('\n')
    assert.match(
      complaints({ 'en/invitation.txt': 'Subject: Hi\n\n{{password}}' }),
      /en\/invitation \(text\) names \{\{password\}\}; it may name link, hours, name, email, service\./,
    )
    assert.match(complaints({ 'en/invitation.txt': 'Subject: {{#nick}}x{{/nick}}\n\n' }), /\{\{nick\}\}/)
    assert.match(complaints({ 'en/invitation.txt': 'Hello\n' }), /must be "Subject: …"/)
    const whole = 'Subject: Hi\n\n{{link}}\n'
    for (const [braces, shown] of [
      ['{{ link }}', '{{ link }}'],
      ['{{#name}}Hello {{name}}', '{{#name}}'],
      ['Hello {{/name}}', '{{/name}}'],
      ['{{#name}}{{#hours}}x{{/hours}}{{/name}}', '{{#hours}}'],
      ['{{link', '{{link'],
    ] as const) {
      const found = complaints({ 'en/invitation.txt': `${whole}${braces}` })
      assert.ok(found.startsWith(`en/invitation (text) has ${shown}, which would be sent as it stands`), found)
    }
    for (const name of mailNames) {
      const needed = (mails[name] as readonly string[]).includes('link')
      const found = complaints({ [`en/${name}.txt`]: 'Subject: Hi\n\nHello\n', [`en/${name}.html`]: 'Hello' })
      assert.equal(found.match(/has no \{\{link\}\}/g)?.length ?? 0, needed ? 2 : 0, name)
    }
    for (const hidden of ['{{#link}}press the button{{/link}}', '{{#name}}{{link}}{{/name}}']) {
      assert.match(complaints({ 'en/invitation.txt': `Subject: Hi\n\n${hidden}\n` }), /has no \{\{link\}\}/, hidden)
    }
    assert.equal(complaints({ 'en/invitation.txt': 'Subject: Hi\n\n{{#link}}Come: {{link}}{{/link}}\n' }), '')
    assert.match(complaints({ 'en/layout.html': '<html></html>' }), /layout\.html must have \{\{content\}\}/)
    assert.match(mailTemplates(join(place, 'none')).check().join(), /There is no directory/)
  })

  it('are refused where they would never be used', () => {
    const complaints = (files: Record<string, string>) => mailTemplates(directory(files)).check()
    const text = 'Subject: Bienvenue\n\n{{link}}\n'
    assert.deepEqual(complaints({ 'fr/verify-email.txt': text }), [
      'fr/verify-email.txt is not used without fr/verify-email.html and fr/layout.html.',
    ])
    assert.deepEqual(complaints({ 'fr/verify-email.txt': text, 'fr/verify-email.html': '{{link}}' }), [
      'fr/verify-email.txt is not used without fr/layout.html.',
    ])
    assert.match(complaints({ 'en/verify_email.txt': text }).join(), /^en\/verify_email\.txt belongs to no mail/)
    for (const name of ['de_CH', 'DE', 'templates of ours']) {
      assert.match(complaints({ [`${name}/verify-email.txt`]: text }).join(), /is no language: name the directory/)
    }
    assert.deepEqual(complaints({ 'de/verify-email.txt': text, 'pt-BR/README.md': '' }), [])
  })

  it('are looked at through links, as Kubernetes makes them, and its own directories are left alone', () => {
    const path = directory({ '..2026_11_24/fr/verify-email.txt': 'Subject: Hi\n\n{{ link }}\n' })
    symlinkSync('..2026_11_24', join(path, '..data'))
    symlinkSync('..data/fr', join(path, 'fr'))
    assert.match(mailTemplates(path).check().join(), /^fr\/verify-email\.txt is not used without/)
  })
})
