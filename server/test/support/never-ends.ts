import { it } from 'node:test'

it('passes', () => undefined)

it('leaves a timer behind', () => void setInterval(() => undefined, 60_000))
