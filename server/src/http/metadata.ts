import { AppError } from '../errors.ts'

const most = 16 * 1024

/** @throws AppError `validation_failed` when it is too much */
export function checkMetadata(metadata: Record<string, unknown> | undefined): void {
  if (metadata === undefined || Buffer.byteLength(JSON.stringify(metadata)) <= most) return
  const detail = 'Metadata is at most 16 KiB of JSON.'
  throw new AppError('validation_failed', { detail, errors: [{ pointer: '/metadata', code: 'maxLength', detail }] })
}
