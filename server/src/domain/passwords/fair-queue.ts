/**
 * A queue in which every source has its turn, however many items another one has brought: start-time fair queueing
 * (Goyal, Vin and Cheng, SIGCOMM 1996). Items of one source leave in the order in which they came; of two sources that
 * both wait, each gets the same share of the costs. With one source it is first come first served.
 */
export type FairQueue<Item> = ReturnType<typeof fairQueue<Item>>

export function fairQueue<Item>() {
  const places: { item: Item; cost: number; turn: number }[] = []
  /** Where the next item of a source stands, for those that are not behind the others. */
  const nextTurns = new Map<string, number>()
  let reached = 0

  const turnOf = (source: string): number => Math.max(nextTurns.get(source) ?? 0, reached)

  /** Sources are forgotten when they have no lead any more: the map is no longer than what waits or has just left. */
  function reach(turn: number): void {
    reached = turn
    for (const [source, next] of nextTurns) if (next <= reached || places.length === 0) nextTurns.delete(source)
  }

  return {
    /** @param cost what the item will take of what all wait for, in any unit */
    push(item: Item, source: string, cost: number): void {
      const turn = turnOf(source)
      nextTurns.set(source, turn + cost)
      places.splice(places.findLastIndex((place) => place.turn <= turn) + 1, 0, { item, cost, turn })
    },

    /** The costs of what an item of this source would find before it, if it came now. */
    ahead(source: string): number {
      const turn = turnOf(source)
      return places.reduce((sum, place) => (place.turn <= turn ? sum + place.cost : sum), 0)
    },

    first: (): Item | undefined => places[0]?.item,

    shift(): Item | undefined {
      const place = places.shift()
      if (place) reach(place.turn)
      return place?.item
    },

    /** @returns false when it was not there any more */
    remove(item: Item): boolean {
      const at = places.findIndex((place) => place.item === item)
      if (at >= 0) places.splice(at, 1)
      return at >= 0
    },

    items: (): Item[] => places.map((place) => place.item),
    size: (): number => places.length,
  }
}
