/** Ids as the server makes them (UUID version 7): in the order of their making, also within one millisecond. */
export function startIds(): (now: number) => string {
  let made = 0
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0')
  return (now) => {
    const count = made++
    const time = hex(Math.floor(now), 12)
    const end = crypto.randomUUID().slice(24)
    return `${time.slice(0, 8)}-${time.slice(8)}-7${hex((count >> 14) & 0xfff, 3)}-${hex(0x8000 | (count & 0x3fff), 4)}-${end}`
  }
}
