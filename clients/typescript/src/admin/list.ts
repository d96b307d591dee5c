/** One page; `nextCursor` is null on the last one. */
export type Page<Item> = { items: Item[]; nextCursor: string | null }

/** All items, page by page, as they are asked for: `for await (const item of list)`. */
export type List<Item> = AsyncIterable<Item> & {
  /** One page: the first, or the one behind a cursor. */
  page(cursor?: string): Promise<Page<Item>>
}

/** @param fetchPage asks the server, with the cursor as the page before gave it */
export function listOf<Item>(
  fetchPage: (cursor?: string) => Promise<{ items: Item[]; next_cursor: string | null }>,
): List<Item> {
  const page = async (cursor?: string) => {
    const { items, next_cursor } = await fetchPage(cursor)
    return { items, nextCursor: next_cursor }
  }
  return {
    page,
    async *[Symbol.asyncIterator]() {
      for (let cursor: string | undefined; ; ) {
        const { items, nextCursor }: Page<Item> = await page(cursor)
        yield* items
        if (nextCursor === null) return
        cursor = nextCursor
      }
    },
  }
}
