/** The database holds another schema than this version works on; the message says what to do. */
export class SchemaMismatch extends Error {
  override readonly name = 'SchemaMismatch'
  readonly state: 'pending' | 'newer'

  constructor(state: 'pending' | 'newer', message: string) {
    super(message)
    this.state = state
  }
}
