import type { Account, Link, Purpose, World } from './world.ts'

const hour = 3_600_000
const lives: Record<Purpose, number> = {
  reset_password: hour,
  invitation: 24 * hour,
  verify_email: 24 * hour,
  change_email: hour,
}

/** It replaces the older ones. @param to where it is mailed, if it is */
export function makeLink(
  world: World,
  purpose: Purpose,
  { user }: Account,
  mailed: boolean,
  to: string = user.email,
): Link {
  forgetLinks(world, user.id, [purpose])
  const token = `ntto_${`${crypto.randomUUID()}${crypto.randomUUID()}`.replaceAll('-', '').slice(0, 43)}`
  const link = { to, purpose, token, userId: user.id, expiresAt: world.now() + lives[purpose], mailed, used: false }
  world.links.push(link)
  if (mailed) world.mails.push({ to, purpose, token })
  return link
}

/** Mails a link, where mail goes out at all. */
export function mailLink(world: World, purpose: Purpose, account: Account, to?: string): void {
  if (world.mail) makeLink(world, purpose, account, true, to)
}

/** The link with this token, while it is good for one of these purposes. */
export function linkOf({ links, now }: World, purposes: Purpose[], token: unknown): Link | undefined {
  const isGood = (each: Link) => !each.used && each.expiresAt > now() && purposes.includes(each.purpose)
  return links.find((each) => each.token === token && isGood(each))
}

/** They are worth nothing any more. @param purposes all, if left out */
export function forgetLinks({ links }: World, userId: string, purposes?: Purpose[]): void {
  for (const each of links) {
    if (each.userId === userId && (purposes ?? [each.purpose]).includes(each.purpose)) each.used = true
  }
}
