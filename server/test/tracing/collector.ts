import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Span = {
  traceId: string
  spanId: string
  /** Empty for the first span of a trace. */
  parentId: string
  name: string
  /** 1 internal, 2 server, 3 client. */
  kind: number
  /** Milliseconds since 1970. */
  start: number
  end: number
  attributes: Record<string, string | number>
  /** 2 is an error. */
  status: number
}

/**
 * A collector of OpenTelemetry that writes down what it is told (OTLP over HTTP, protobuf).
 * @param ready it answers no earlier
 */
export async function startCollector(ready: Promise<void> = Promise.resolve()) {
  const bodies: Buffer[] = []
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece)
    if (request.method === 'POST' && request.url === '/v1/traces') bodies.push(Buffer.concat(pieces))
    await ready
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bodies,
    spans: (): Span[] => bodies.flatMap(spansIn),
    resources: () => bodies.flatMap((body) => resourceSpansIn(body).map(({ resource }) => resource)),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

type Field = { number: number; value: Buffer | bigint }

/** The wire format of protobuf: enough of it. */
function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = []
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = Number(varint())
    const [number, type] = [tag >> 3, tag & 7]
    if (type === 0) fields.push({ number, value: varint() })
    else if (type === 2) {
      const length = Number(varint())
      fields.push({ number, value: bytes.subarray(at, at + length) })
      at += length
    } else {
      const length = type === 1 ? 8 : 4
      const value = type === 1 ? bytes.readBigUInt64LE(at) : BigInt(bytes.readUInt32LE(at))
      fields.push({ number, value })
      at += length
    }
  }
  return fields
}

const all = (fields: Field[], number: number) =>
  fields.filter((field) => field.number === number).map(({ value }) => value as Buffer)
const bytes = (fields: Field[], number: number) => all(fields, number)[0] ?? Buffer.alloc(0)
const count = (fields: Field[], number: number) =>
  (fields.find((field) => field.number === number)?.value as bigint | undefined) ?? 0n

function resourceSpansIn(body: Buffer) {
  return all(fieldsOf(body), 1).map((resourceSpans) => {
    const fields = fieldsOf(resourceSpans)
    return { resource: attributesIn(all(fieldsOf(bytes(fields, 1)), 1)), scopes: all(fields, 2) }
  })
}

function spansIn(body: Buffer): Span[] {
  return resourceSpansIn(body)
    .flatMap(({ scopes }) => scopes)
    .flatMap((scope) => all(fieldsOf(scope), 2))
    .map((span) => {
      const fields = fieldsOf(span)
      return {
        traceId: bytes(fields, 1).toString('hex'),
        spanId: bytes(fields, 2).toString('hex'),
        parentId: bytes(fields, 4).toString('hex'),
        name: bytes(fields, 5).toString(),
        kind: Number(count(fields, 6)),
        start: Number(count(fields, 7) / 1000n) / 1000,
        end: Number(count(fields, 8) / 1000n) / 1000,
        attributes: attributesIn(all(fields, 9)),
        status: Number(count(fieldsOf(bytes(fields, 15)), 3)),
      }
    })
}

function attributesIn(pairs: Buffer[]): Span['attributes'] {
  return Object.fromEntries(
    pairs.map((pair) => {
      const fields = fieldsOf(pair)
      const [value] = fieldsOf(bytes(fields, 2))
      return [bytes(fields, 1).toString(), typeof value?.value === 'bigint' ? Number(value.value) : `${value?.value}`]
    }),
  )
}
