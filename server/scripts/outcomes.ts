import type { TestEvent } from 'node:test/reporters'

/** One test as it came out; a title may occur several times, once for each database. */
export type Outcome = { file: string; title: string; result: 'passed' | 'failed' | 'skipped' }

/** A reporter for `node --test` that writes each test as one line of JSON. */
export default async function* outcomes(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    if (data.details.type === 'suite' || data.file === undefined) continue
    const result =
      type === 'test:fail' ? 'failed' : data.skip !== undefined || data.todo !== undefined ? 'skipped' : 'passed'
    yield `${JSON.stringify({ file: data.file, title: data.name, result } satisfies Outcome)}\n`
  }
}
