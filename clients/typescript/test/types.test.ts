import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { answerType, declaration, type Operation, queryOf, type Schema } from '../scripts/generate.ts'

type Route = Operation & { requestBody?: { content: Record<string, { schema: Schema }> } }
const source = (file: string) => readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8')
const { paths, components } = JSON.parse(
  readFileSync(new URL('../../../contract/openapi.json', import.meta.url), 'utf8'),
) as { paths: Record<string, Record<string, Route>>; components: { schemas: Record<string, Schema> } }
const types = `${source('contract.ts')}\n${source('admin/contract.ts')}`

/**
 * What the client calls what each operation takes and gives: the types that its methods are declared with. `[]` is a list
 * of these; null: of no interest to whoever calls.
 */
type Names = { method?: string; query?: string; input?: string; answer?: string | null }
const operations: Record<string, Names> = {
  'POST /v1/auth/register': { method: 'register', input: 'RegisterInput', answer: 'Tokens' },
  'POST /v1/auth/login': { method: 'login', input: 'LoginInput', answer: 'Tokens' },
  'POST /v1/auth/refresh': { answer: 'Tokens' },
  'POST /v1/auth/logout': {},
  'POST /v1/auth/forgot-password': { method: 'forgotPassword', input: 'MailRequest', answer: null },
  'POST /v1/auth/reset-password': { method: 'resetPassword', input: 'PasswordReset' },
  'POST /v1/auth/verify-email': { method: 'verifyEmail', input: 'MailedToken' },
  'POST /v1/auth/verify-email/resend': { method: 'resendVerification', input: 'MailRequest', answer: null },
  'GET /v1/users/me': { method: 'getUser', answer: 'User' },
  'PATCH /v1/users/me': { method: 'updateUser', input: 'UserPatch', answer: 'User' },
  'DELETE /v1/users/me': { method: 'deleteAccount', input: 'AccountDeletion', answer: 'PlannedDeletion' },
  'GET /v1/users/me/export': { method: 'exportData', answer: 'OwnData' },
  'POST /v1/users/me/password': { method: 'changePassword', input: 'PasswordChange', answer: 'Tokens' },
  'POST /v1/users/me/email': { method: 'changeEmail', input: 'EmailChange', answer: null },
  'POST /v1/users/me/email/confirm': { method: 'confirmEmail', input: 'MailedToken' },
  'GET /v1/users/me/sessions': { method: 'list', answer: 'SessionInfo[]' },
  'DELETE /v1/users/me/sessions/{id}': { method: 'revoke' },
  'GET /v1/admin/users': { method: 'users.list', query: 'UserQuery', answer: 'AdminUser[]' },
  'POST /v1/admin/users': { method: 'users.create', input: 'UserInput', answer: 'CreatedUser' },
  'GET /v1/admin/users/{id}': { method: 'users.get', answer: 'AdminUser' },
  'PATCH /v1/admin/users/{id}': { method: 'users.update', input: 'UserChange', answer: 'AdminUser' },
  'DELETE /v1/admin/users/{id}': { method: 'users.delete' },
  'POST /v1/admin/users/{id}/disable': { method: 'users.disable' },
  'POST /v1/admin/users/{id}/enable': { method: 'users.enable' },
  'POST /v1/admin/users/{id}/unlock': { method: 'users.unlock' },
  'POST /v1/admin/users/{id}/logout': { method: 'users.logout' },
  'POST /v1/admin/users/{id}/reset-password': { method: 'users.resetPassword', answer: 'ResetLink' },
  'GET /v1/admin/users/{id}/sessions': { method: 'users.sessions', answer: 'SessionInfo[]' },
  'DELETE /v1/admin/users/{id}/sessions/{session_id}': { method: 'users.endSession' },
  'GET /v1/admin/stats': { method: 'stats', answer: 'Stats' },
  'GET /v1/admin/audit': { method: 'audit', query: 'AuditQuery', answer: 'AuditLine[]' },
  'GET /v1/admin/keys': { method: 'keys.list', answer: 'SigningKey[]' },
  'POST /v1/admin/keys/rotate': { method: 'keys.rotate', input: 'KeyRotation', answer: 'SigningKey[]' },
  'GET /v1/admin/services': { method: 'services.list', answer: 'Service[]' },
  'POST /v1/admin/services': { method: 'services.create', input: 'ServiceInput', answer: 'ServiceWithSecret' },
  'GET /v1/admin/services/{id}': { method: 'services.get', answer: 'Service' },
  'PATCH /v1/admin/services/{id}': { method: 'services.update', input: 'ServiceChange', answer: 'Service' },
  'DELETE /v1/admin/services/{id}': { method: 'services.delete' },
  'POST /v1/admin/services/{id}/secrets': {
    method: 'services.addSecret',
    input: 'SecretInput',
    answer: 'ServiceWithSecret',
  },
  'DELETE /v1/admin/services/{id}/secrets/{secret_id}': { method: 'services.deleteSecret' },
}
/** Read by the verifier, or not by this client: a service in another language asks them. */
const others = ['GET /v1/auth/validate', 'GET /v1/revocations', 'GET /v1/revocations/stream']

/** A declaration without what only describes it. */
const bare = (text: string) => text.replaceAll(/^\s*\/\*\*.*\*\/\n/gm, '')
const declared = (name: string) => {
  const start = types.indexOf(`export type ${name} = {`)
  return bare(types.slice(start, types.indexOf('\n}', start) + 2))
}
const bodyOf = (content?: Record<string, { schema: Schema }>) => Object.values(content ?? {})[0]?.schema
const resolved = (schema: Schema) => {
  const { $ref } = schema
  return $ref === undefined ? schema : components.schemas[$ref.split('/').at(-1)!]!
}

/** The declaration of a method of `AuthClient`, or of a room of `Admin`. */
function signature(method: string): string {
  const [name, room] = method.split('.').reverse()
  const isAdmin = room !== undefined || method === 'audit' || method === 'stats'
  const text = isAdmin ? source('admin/admin.ts') : source('client.ts') + source('session-client.ts')
  const from = room === undefined ? 0 : text.indexOf(`readonly ${room}: {`)
  return new RegExp(`^ +(?:async )?${name}\\([^\\n]*`, 'm').exec(text.slice(from))![0]
}

describe('every field that the contract names is in the types', () => {
  it('of every operation under /v1', () => {
    const known = [...Object.keys(operations), ...others]
    const all = Object.entries(paths).flatMap(([path, each]) =>
      Object.keys(each).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(all.filter((each) => each.includes(' /v1/')).sort()).toEqual(known.sort())
  })

  it.each(Object.entries(operations))('%s', (operation, { method, query, input, answer }) => {
    const [verb, path] = operation.split(' ') as [string, string]
    const route = paths[path]![verb.toLowerCase()]!
    const sent = bodyOf(route.requestBody?.content)
    if (input !== undefined) expect(declared(input)).toBe(bare(declaration(input, sent!)))
    if (query !== undefined) expect(declared(query)).toBe(bare(declaration(query, queryOf(route))))

    const answered = Object.entries(route.responses).filter(([status]) => status.startsWith('2'))
    // What only says that a mail is on its way is no answer of its own.
    const bodies = answered.flatMap(([, { content }]) => bodyOf(content) ?? [])
    const telling = bodies.filter((each) => Object.keys(resolved(each).properties ?? {}).join() !== 'status')
    expect(telling).toHaveLength(answer ? 1 : 0)
    if (answer) {
      const name = answer.replace('[]', '')
      const whole = resolved(telling[0]!)
      const schema = answer.endsWith('[]') ? resolved(whole.properties!.items!.items!) : whole
      expect(declared(name)).toBe(bare(answerType(name, schema)))
    }
    if (method === undefined) return
    const line = signature(method)
    const results: Record<string, string> = {
      Tokens: 'Promise<(LoginResult|RegisterResult|Session)>',
      PlannedDeletion: 'Promise<AccountDeletionResult>',
      'SessionInfo[]': '(List<SessionInfo>|Promise<SessionPage>)',
      'SigningKey[]': 'Promise<SigningKey\\[\\]>',
    }
    const name = answer?.replace('[]', '')
    const isList = answer?.endsWith('[]')
    const result = !answer
      ? 'Promise<void>'
      : (results[answer] ?? (isList ? `List<${name}>` : `Promise<${name}( \\| null)?>`))
    expect(line).toMatch(new RegExp(`\\): ${result}`))
    for (const each of [input, query]) if (each !== undefined) expect(line).toMatch(new RegExp(`: ${each}\\b`))
  })
})
