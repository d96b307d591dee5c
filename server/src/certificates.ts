import { readFileSync } from 'node:fs'

/** The certificates of an authority of the operator's own. @param setting that names the file by "ca" */
export function readAuthority(path: string, setting: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new Error(`The file ${path}, named by "ca" in ${setting}, cannot be read.`, { cause })
  }
}

/** By the words of OpenSSL and Node.js: some drivers put codes of their own in place of theirs. */
const faults: [RegExp, (setting: string) => string][] = [
  [
    /self-signed certificate|unable to (verify the first|get (local )?issuer) certificate|certificate signature failure/,
    (setting) =>
      'No authority that is trusted here has signed its certificate: name the file of the one that has by "ca=FILE" in ' +
      `${setting}.`,
  ],
  [
    /does not match certificate's altnames/,
    (setting) => `Its certificate is for another name: use one in ${setting} that the certificate is good for.`,
  ],
  [
    /certificate has expired|certificate is not yet valid/,
    () => 'Renew its certificate, or set the clock of this machine right.',
  ],
]

/** What mends a connection that failed because of the server's certificate; null where that is not why. */
export function mendCertificate(error: unknown, setting: string): string | null {
  const { message } = (error ?? {}) as { message?: unknown }
  const [, mend] = faults.find(([words]) => words.test(String(message))) ?? []
  return mend?.(setting) ?? null
}
