/** What is used of an answer of `node:http`, Express or Fastify (`reply.raw`). */
export type NodeResponse = {
  readonly headersSent: boolean
  getHeader(name: string): number | string | string[] | undefined
  setHeader(name: string, value: string | string[]): unknown
  writeHead(status: number, ...rest: never[]): unknown
}

const words = new WeakMap<object, Map<string, () => void>>()

/**
 * Has the last word on the headers of an answer: `say` is called when they are about to be sent, after whatever the
 * application and its framework have set.
 * @param topic of which only the latest word is said
 */
export function sayLast(answer: NodeResponse, topic: string, say: () => void): void {
  const known = words.get(answer)
  if (known) return void known.set(topic, say)
  const mine = new Map([[topic, say]])
  words.set(answer, mine)
  const writeHead = answer.writeHead.bind(answer) as (status: number, ...rest: unknown[]) => unknown
  answer.writeHead = (status: number, ...rest: unknown[]) => {
    // Fastify gives all of its headers here, where they would replace those that were set before.
    const given = rest.at(-1)
    if (typeof given === 'object' && given !== null) {
      rest.pop()
      takeOver(answer, given)
    }
    for (const each of mine.values()) each()
    return writeHead(status, ...rest.filter((each) => each !== undefined))
  }
}

function takeOver(answer: NodeResponse, given: object): void {
  const fields = new Map<string, string | string[]>()
  for (const [name, value] of pairsOf(given)) {
    const before = fields.get(name)
    fields.set(name, before === undefined ? value : [before, value].flat())
  }
  for (const [name, value] of fields) answer.setHeader(name, value)
}

/** Headers as `writeHead` takes them: an object, pairs, or names and values in turns. */
function pairsOf(given: object): [string, string | string[]][] {
  if (!Array.isArray(given)) return Object.entries(given)
  if (Array.isArray(given[0])) return given as [string, string][]
  return given.flatMap((name, index) => (index % 2 === 0 ? [[name, given[index + 1]] as [string, string]] : []))
}
