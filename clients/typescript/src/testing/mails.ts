import type { Account, Mail, World } from './world.ts'

/** Mails a one-time token; those before it, for the same purpose, are worth nothing any more. */
export function sendMail(world: World, purpose: Mail['purpose'], { user }: Account, to: string = user.email): void {
  for (const each of world.mails) if (each.purpose === purpose && each.userId === user.id) each.used = true
  world.mails.push({ to, purpose, token: `ntto_${crypto.randomUUID()}`, userId: user.id })
}

/** The mail whose token this is, while it is good for that purpose. */
export function mailOf({ mails }: World, purpose: Mail['purpose'], token: unknown): World['mails'][number] | undefined {
  return mails.find((each) => each.token === token && each.purpose === purpose && !each.used)
}
