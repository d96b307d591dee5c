/** The value below which that part of the values lies; NaN of none. */
export function quantile(values: Iterable<number>, part: number): number {
  const sorted = Float64Array.from(values).sort()
  if (sorted.length === 0) return Number.NaN
  return sorted[Math.min(Math.floor(sorted.length * part), sorted.length - 1)]!
}

export function median(values: Iterable<number>): number {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Three digits that matter. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3
  return value.toFixed(digits)
}

/** How often one of the first is greater than one of the second, ties counted half: 0.5 where nothing tells them apart. */
export function areaUnderCurve(ones: number[], others: number[]): number {
  const sorted = Float64Array.from(others).sort()
  let wins = 0
  for (const value of ones) {
    for (const other of sorted) {
      if (other > value) break
      wins += other === value ? 0.5 : 1
    }
  }
  return wins / (ones.length * others.length)
}
