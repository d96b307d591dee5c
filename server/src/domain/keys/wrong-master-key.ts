/** None of the master keys opens what the database holds; the message says what to do. */
export class WrongMasterKey extends Error {
  override readonly name = 'WrongMasterKey'
}
