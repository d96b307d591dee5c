import { Type } from 'typebox'
import { route } from '../route.ts'

export const liveRoute = route({
  summary: 'Is the process alive?',
  tag: 'Health',
  who: 'anyone',
  quiet: true,
  answers: {
    200: {
      description: 'It is.',
      schema: Type.Object({ status: Type.Literal('live') }),
      example: { status: 'live' },
    },
  },
  errors: [],
  handle: () => ({ status: 200, body: { status: 'live' } }),
})

export const readyRoute = route({
  summary: 'Can it serve?',
  description: 'Says only yes or no; the reasons are on the management listener and in the log.',
  tag: 'Health',
  who: 'anyone',
  quiet: true,
  answers: {
    200: {
      description: 'It can.',
      schema: Type.Object({ status: Type.Literal('ready') }),
      example: { status: 'ready' },
    },
    503: {
      description: 'Not now: send requests to another node.',
      schema: Type.Object({ status: Type.Literal('not_ready') }),
      example: { status: 'not_ready' },
    },
  },
  errors: [],
  async handle({ app }) {
    const { ready } = await app.readiness.check()
    return ready ? { status: 200, body: { status: 'ready' } } : { status: 503, body: { status: 'not_ready' } }
  },
})
