/** A world of states: where it starts, what may happen next, and what must hold everywhere. */
export type World<State> = {
  start: State
  /** Everything that may happen in a state, each under a name for the counterexample. */
  next(state: State): Iterable<[step: string, state: State]>
  /** What is wrong with a state; null if nothing. */
  wrong(state: State): string | null
}

export type Explored = {
  states: number
  /** The shortest way to a state that is wrong. */
  counterexample: { why: string; steps: string[] } | null
}

const mostStates = 400_000

/** Visits every state that can be reached, nearest first, until one is wrong. States are plain JSON values. */
export function explore<State>({ start, next, wrong }: World<State>): Explored {
  type Visit = { state: State; step: string; from: Visit | null }
  const seen = new Set([JSON.stringify(start)])
  let frontier: Visit[] = [{ state: start, step: '', from: null }]
  while (frontier.length > 0) {
    const found: Visit[] = []
    for (const visit of frontier) {
      const why = wrong(visit.state)
      if (why !== null) {
        const steps: string[] = []
        for (let at: Visit | null = visit; at?.from; at = at.from) steps.unshift(at.step)
        return { states: seen.size, counterexample: { why, steps } }
      }
      for (const [step, state] of next(visit.state)) {
        const name = JSON.stringify(state)
        if (seen.has(name)) continue
        seen.add(name)
        found.push({ state, step, from: visit })
      }
    }
    if (seen.size > mostStates) throw new Error(`More than ${mostStates} states: bound the world more tightly.`)
    frontier = found
  }
  return { states: seen.size, counterexample: null }
}
