/** Whom a mail server turns away: this recipient for good, us whoever the mail is for, or anybody just now. */
export type Refusal = 'recipient' | 'us' | 'passing'

/** RFC 3463: addresses (without the sender's, 5.1.7 and 5.1.8) and mailboxes. 5.1.0 says as little as no code. */
const aboutRecipient = /^5\.(1\.(?![078]\b)|2\.)/
/** 5.7: security and policy, relaying among them. */
const aboutPolicy = /^5\.7\./
const wordsAboutUs =
  /\brelay|rcpthosts|authenti|\bsender\b|\bspf\b|\bdkim\b|\bdmarc\b|block(ed|ing)? ?list|\bblocked\b|blacklist|reputation|\bspam|policy|client host|\bip address/i
const mailboxCodes = [550, 551, 553]

/**
 * Only what cannot become true again gives a mail up, and that is a recipient who does not exist. A server that does
 * not know our sender, or will not relay for us, says so in the same words for every mail: who gave those up would lose
 * all mail of the hours in which somebody mends a setting.
 * @param command what was answered, such as "RCPT TO", or null where nothing was asked
 * @param answer the server's own words, with its code
 */
export function judgeRefusal(command: string | null, answer: string): Refusal {
  const code = Number(/^\d{3}/.exec(answer)?.[0])
  if (!(code >= 500)) return 'passing'
  const enhanced = enhancedCode(answer) ?? ''
  const atRecipient = command?.startsWith('RCPT TO') ?? false
  // Some look for the recipient only when they have the mail.
  if ((atRecipient || command === 'DATA') && aboutRecipient.test(enhanced)) return 'recipient'
  if (!atRecipient || aboutPolicy.test(enhanced) || wordsAboutUs.test(answer)) return 'us'
  return mailboxCodes.includes(code) ? 'recipient' : 'us'
}

/** The code of RFC 3463 in an answer, or null: digits only, so that it may be shown where the words may not. */
export function enhancedCode(answer: string): string | null {
  return /^\d{3}[ -](5\.\d{1,3}\.\d{1,3})\b|\(?#(5\.\d{1,3}\.\d{1,3})\b/.exec(answer)?.slice(1).find(Boolean) ?? null
}
