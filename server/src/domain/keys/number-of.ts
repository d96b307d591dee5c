/** A number as JWKs carry it (RFC 7518 §2, Base64urlUInt); 0 where there is none. */
export function numberOf(text: string | undefined): bigint {
  return BigInt(`0x0${Buffer.from(text ?? '', 'base64url').toString('hex')}`)
}
