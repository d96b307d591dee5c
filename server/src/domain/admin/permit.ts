import { AppError } from '../../errors.ts'
import { type Permission, ruleOf } from './permissions.ts'

/**
 * @param age seconds since the caller's login by password
 * @throws AppError `forbidden` or `reauthentication_required`
 */
export function permit(permission: Permission, roles: readonly string[], age: number): void {
  const { role, freshWithin } = ruleOf(permission)
  if (!roles.includes(role)) throw new AppError('forbidden')
  if (freshWithin !== undefined && age > freshWithin) throw new AppError('reauthentication_required')
}
