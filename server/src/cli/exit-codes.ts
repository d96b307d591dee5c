/** The exit codes of every command (78 and 64 as in sysexits.h); documented in `docs/reference/command-line.md`. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  /** `doctor`: something must be mended; warnings alone are 1. */
  problems: 2,
  /** The schema is behind this version: migrations are waiting. */
  pending: 3,
  /** The schema is newer than this version. */
  newer: 4,
  /** There is no such user, session, service, secret, key or mail. */
  notFound: 5,
  /** `audit verify`: the audit log is not what was written. */
  altered: 6,
  /** `audit verify`: a key that was not given is needed to say whether it is. */
  notJudged: 7,
  usage: 64,
  config: 78,
} as const
