import { notHere } from './not-here.ts'

/** What a bundler for browsers takes in place of `/admin`. */
export function createAdmin(): never {
  throw notHere()
}
