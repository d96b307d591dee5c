/**
 * Loaded before each test file, in whose process it runs: a file that passed may still have left something open, and
 * would keep its place in the queue until the whole run is given up. Tests have a limit of their own, which is shorter.
 */
import { isMainThread } from 'node:worker_threads'

const longest = Number(process.env.NTT_AUTH_TEST_FILE_LIMIT ?? 300_000)

// The process that starts the files loads this too, and has as long as they all need.
if (isMainThread && process.env.NODE_TEST_CONTEXT) {
  setTimeout(() => {
    const open = [...new Set(process.getActiveResourcesInfo())].join(', ')
    console.error(`${process.argv[1]} has not ended within ${longest / 1000} s. Still open: ${open}.`)
    process.exit(1)
  }, longest).unref()
}
