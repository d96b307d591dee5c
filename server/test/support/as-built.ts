/**
 * Part of the environment of a command that a test runs from outside: it takes no part in measuring coverage, and so runs
 * what was built (`bin/ntt-auth.js` chooses), as users do, which starts in half the time.
 */
export const asBuilt = { NODE_V8_COVERAGE: undefined }
