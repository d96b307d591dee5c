import { toRfc3339 } from '../../clock.ts'
import type { Mark } from './verify-checkpoints.ts'

/** Which checkpoint proves it. @param what it has signed */
export function signedBy({ checkpoint, at, isVouched }: Mark, what: string): string {
  const which = `checkpoint ${checkpoint} of ${toRfc3339(at)}`
  return isVouched ? `${which}, whose key was not given, signed ${what}` : `${which} signed ${what}`
}

/** @param trouble in the plural; it is said in the singular of one line */
export function sentence(writer: string, from: number, to: number, trouble: string): string {
  const which = from === to ? `Line ${from}` : `Lines ${from} to ${to}`
  const words = from === to ? singular(trouble) : trouble
  return `${which} of writer ${writer} ${words}.`
}

function singular(trouble: string): string {
  return trouble
    .replace(/^are missing/, 'is missing')
    .replace(/^stand where they were not written/, 'stands where it was not written')
    .replace(/^were /, 'was ')
    .replace('before them', 'before it')
    .replace('they do not fit their own hash', 'it does not fit its own hash')
    .replace('signed them', 'signed it')
}
