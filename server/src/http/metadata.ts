import { AppError } from '../errors.ts'
import { limits } from './limits.ts'

const most = 16 * 1024

/** @throws AppError `validation_failed` when it is too much, or nests deeper than a request may */
export function checkMetadata(metadata: Record<string, unknown> | undefined): void {
  // Before it is written as JSON, which goes as deep as it does.
  if (metadata !== undefined && isDeeperThan(metadata, limits.jsonDepth - 1)) {
    const detail = `Metadata nests at most ${limits.jsonDepth - 1} deep.`
    throw new AppError('validation_failed', { detail, errors: [{ pointer: '/metadata', code: 'maxDepth', detail }] })
  }
  if (metadata === undefined || Buffer.byteLength(JSON.stringify(metadata)) <= most) return
  const detail = 'Metadata is at most 16 KiB of JSON.'
  throw new AppError('validation_failed', { detail, errors: [{ pointer: '/metadata', code: 'maxLength', detail }] })
}

function isDeeperThan(value: unknown, most: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return most === 0 || Object.values(value).some((each) => isDeeperThan(each, most - 1))
}
