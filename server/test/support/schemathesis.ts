import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const given = process.env.NTT_AUTH_TEST_SCHEMATHESIS
const found = (process.env.PATH?.split(delimiter) ?? [])
  .map((place) => join(place, 'schemathesis'))
  .find((candidate) => existsSync(candidate))

/**
 * The fuzzer, a program in Python: `pip install -r test/security/fuzz/requirements.txt` brings it, and
 * NTT_AUTH_TEST_SCHEMATHESIS says where it is when it is not on the path.
 */
const program = given ?? found
export const schemathesis: { program: string | undefined; skip: string | false } = {
  program,
  skip: program ? false : 'schemathesis is not installed',
}
